/** What is published needs Node and nothing else. Needs the built package. */
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

test("the package has no runtime dependencies", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as object;
  expect(manifest).not.toHaveProperty("dependencies");
  expect(manifest).not.toHaveProperty("optionalDependencies");
  expect(manifest).not.toHaveProperty("scripts.install");
  expect(manifest).not.toHaveProperty("scripts.postinstall");
});

test("its code imports Node's own modules, and abstract-level for those who ask for Level", () => {
  const imported = new Map<string, string[]>();
  const folder = join(ROOT, "dist");
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    if (!/\.c?js$/.test(name)) continue;
    const text = readFileSync(join(folder, name), "utf8");
    const pattern = /\bfrom "([^"]+)";?$|\brequire\("([^"]+)"\)/gm;
    for (const [, byImport, byRequire] of text.matchAll(pattern)) {
      const specifier = byImport ?? byRequire ?? "";
      if (specifier.startsWith(".") || isBuiltin(specifier)) continue;
      imported.set(specifier, [...(imported.get(specifier) ?? []), name]);
    }
  }
  expect([...imported.keys()]).toEqual(["abstract-level"]);
  const users = imported.get("abstract-level") ?? [];
  expect(users.filter((name) => !name.startsWith("level"))).toEqual([]);
});
