/** Finds the code fences of a Markdown text. Pure. */

/** One fence. `line` is that of its opening, the first being 1. */
export interface Snippet {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Text of a ```text fence that follows with only blank lines between: what the code must print. */
  readonly output: string | undefined;
}

interface Fence {
  readonly line: number;
  readonly endLine: number;
  readonly language: string;
  readonly code: string;
}

function fencesOf(markdown: string): Fence[] {
  const lines = markdown.split("\n");
  const fences: Fence[] = [];
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```(\S*)/.exec(lines[at] ?? "");
    if (opening === null) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`a code fence in line ${at + 1} is never closed`);
    fences.push({
      line: at + 1,
      endLine: end + 1,
      language: opening[1] ?? "",
      code: `${lines.slice(at + 1, end).join("\n")}\n`,
    });
    at = end;
  }
  return fences;
}

/** Snippets of one file in order, with the outputs that they promise. */
export function snippetsOf(file: string, markdown: string): Snippet[] {
  const lines = markdown.split("\n");
  const fences = fencesOf(markdown);
  return fences.flatMap((fence, index) => {
    if (fence.language === "text") return [];
    const next = fences[index + 1];
    const follows =
      next?.language === "text" &&
      lines.slice(fence.endLine, next.line - 1).every((line) => line.trim() === "");
    const { line, language, code } = fence;
    return [{ file, line, language, code, output: follows ? next.code : undefined }];
  });
}
