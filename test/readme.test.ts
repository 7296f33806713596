import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Snippet, snippetsOf } from "./readme-snippets.js";
import { ROOT, Workshop } from "./readme-workshop.js";

/** Lines that only make sense outside a test run; `scripts/first-steps.mjs` runs them in CI. */
const RUN_ELSEWHERE =
  /^(npm (start|test|install)\b|git clone\b|cd \w|npx titan-node\b|titan-node\b)/;

const readmes = ["README.md", "CONTRIBUTING.md", join("docs", "coming-from.md")].concat(
  ["packages", "apps"].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => join(folder, name, "README.md")),
  ),
);
const snippets = readmes
  .filter((file) => existsSync(join(ROOT, file)))
  .flatMap((file) => snippetsOf(file, readFileSync(join(ROOT, file), "utf8")));

/** Nobody installs a private package: its programs are fragments of tests, which run where they are. */
const programs = snippets.filter(
  ({ file, language }) => ["ts", "js"].includes(language) && !isOfPrivatePackage(file),
);
const commands = snippets.filter(({ language }) => language === "sh");
const workshop = new Workshop();

beforeAll(() => workshop.start());
afterAll(() => workshop.stop());

function isOfPrivatePackage(file: string): boolean {
  const manifest = join(ROOT, dirname(file), "package.json");
  if (dirname(file) === "." || !existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { private?: boolean }).private === true;
}

function title(snippet: Snippet): string {
  return `${snippet.file}:${snippet.line} runs`;
}

function fileFor(snippet: Snippet): string {
  const name = `${snippet.file.replaceAll(/\W+/g, "-")}-${snippet.line}`;
  const isCommonJs = snippet.language === "js" && snippet.code.includes("require(");
  const extension = isCommonJs ? "cjs" : snippet.language === "ts" ? "mts" : "mjs";
  return join(workshop.directory, `${name}.${extension}`);
}

function expectPromised(snippet: Snippet, printed: string): void {
  if (snippet.output !== undefined) expect(printed).toBe(snippet.output);
}

test("every published package has a README", () => {
  const missing = readmes.filter((file) => !existsSync(join(ROOT, file)));
  expect(missing.filter((file) => !file.startsWith(join("apps", "bench")))).toEqual([]);
});

test("every fence names a language that this test knows how to run", () => {
  const passive = ["json", "proto", "yaml", "mermaid"];
  const unknown = snippets.filter(
    ({ language }) => !["ts", "js", "sh", ...passive].includes(language),
  );
  expect(unknown.map(({ file, line, language }) => `${file}:${line} "${language}"`)).toEqual([]);
});

describe("programs", () => {
  beforeAll(() => {
    for (const snippet of programs) writeFileSync(fileFor(snippet), workshop.adapt(snippet.code));
    const lib = ["ES2023", "ESNext.Disposable"];
    const compilerOptions = {
      module: "NodeNext",
      target: "ES2022",
      lib,
      strict: true,
      types: ["node"],
    };
    const config = { compilerOptions, include: ["*.mts"] };
    writeFileSync(join(workshop.directory, "tsconfig.json"), JSON.stringify(config));
  });

  test("all TypeScript programs type-check under strict options", () => {
    expect(workshop.run("tsc", ["-p", "."])).toBe("");
  });

  for (const snippet of programs) {
    test(title(snippet), () => {
      const file = fileFor(snippet).replace(/\.mts$/, ".mjs");
      expectPromised(snippet, workshop.run(process.execPath, [file]));
    });
  }
});

describe("commands", () => {
  for (const snippet of commands) {
    const lines = workshop.adapt(snippet.code).split("\n");
    const script = lines.filter((line) => !RUN_ELSEWHERE.test(line)).join("\n");
    test.skipIf(script.trim() === "")(title(snippet), () => {
      expectPromised(
        snippet,
        workshop.run("bash", ["-euo", "pipefail", "-c", workshop.adapt(script)]),
      );
    });
  }
});
