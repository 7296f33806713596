/** Completion for zsh, by its `_arguments`. */
import type { CommandOutline, OptionOutline, ProgramOutline, ValueOutline } from "./outline.js";

export function zshCompletion({ options, commands }: ProgramOutline): string {
  const verbs = commands.flatMap(({ names, summary }) =>
    names.map((name) => `    ${quoted(`${name}:${summary}`)}`),
  );
  return `#compdef titan
# Completion of titan for zsh, as 'titan completion zsh' prints it.
compdef _titan titan

_titan() {
  local curcontext="$curcontext" state line
  local -A opt_args
  local -a anywhere verbs
  anywhere=(
${specsOf(options)
  .map((spec) => `    ${spec}`)
  .join("\n")}
  )
  verbs=(
${verbs.join("\n")}
  )
  _arguments -C $anywhere '1: :->verb' '*:: :->rest' && return 0
  case $state in
    verb) _describe -t commands command verbs ;;
    rest)
      case $words[1] in
${commands.map(commandCase).join("\n")}
      esac
      ;;
  esac
}

# Loaded from a file of $fpath this is the function's first call; evaluated it only declares.
if [[ $funcstack[1] == _titan ]]; then _titan "$@"; fi
`;
}

function commandCase({ names, options, args }: CommandOutline): string {
  const specs = [
    ...specsOf(options),
    ...args.flatMap(({ name, value }, index) => {
      const isRest = index > 0 && args[index - 1]?.value.kind === "command";
      return isRest ? [] : [argumentSpec(name, value, index + 1)];
    }),
  ];
  return `        ${names.join("|")})
          _arguments -S ${["$anywhere", ...specs].join(" \\\n            ")}
          ;;`;
}

function argumentSpec(name: string, value: ValueOutline, place: number): string {
  // All behind `--` is a command line of its own.
  if (value.kind === "command") {
    return "${${(M)words[1,CURRENT-1]:#--}:+'*:::command:_normal'}";
  }
  return quoted(`${place}::${name}:${actionOf(value)}`);
}

function specsOf(options: readonly OptionOutline[]): string[] {
  return options
    .flatMap(({ names, description, value }) => {
      const others = names.length > 1 ? `(${names.join(" ")})` : "";
      const text = description.replaceAll(/[[\]\\:]/g, "\\$&");
      return names.map((name) => {
        if (value === undefined) return `${others}${name}[${text}]`;
        const equals = name.startsWith("--") ? "=" : "";
        return `${others}${name}${equals}[${text}]:${value.name}:${actionOf(value)}`;
      });
    })
    .map(quoted);
}

function actionOf(value: ValueOutline): string {
  if (value.kind === "choice") return `(${value.choices.join(" ")})`;
  return value.kind === "file" ? "_files" : "";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
