/** Completion for bash, 3.2 and later, without the bash-completion package. */
import type { CommandOutline, OptionOutline, ProgramOutline, ValueOutline } from "./outline.js";

export function bashCompletion({ options, commands }: ProgramOutline): string {
  const verbs = commands.flatMap(({ names }) => names).join(" ");
  return `# Completion of titan for bash, as 'titan completion bash' prints it.

# Sets the options that fit command $1, and those of them that take a value.
_titan_options() {
  options='${namesOf(options)}'
  valued=' ${namesOf(options.filter(takesValue))} '
  case $1 in
${commands.flatMap(optionCase).join("\n")}
  esac
}

# Sets what stands behind an option $2, or in the place of the $2nd argument, of command $1.
_titan_value() {
  case "$1 $2" in
${[...options.flatMap((option) => optionValueCase(["*"], option)), ...commands.flatMap(valueCases)].join("\n")}
  esac
}

_titan() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local verb= place=0 is_over= options valued choices= kind= at word
  COMPREPLY=()
  # Bash takes --option=value apart.
  if [[ $current == = ]]; then current=
  elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  _titan_options ''
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ -z $is_over && $word == -- ]]; then is_over=1
    elif [[ -z $is_over && $word == -* ]]; then
      [[ \${COMP_WORDS[at+1]} == = ]] && ((at++))
      [[ $valued == *" $word "* ]] && ((at++))
    elif [[ -z $verb ]]; then verb=$word; _titan_options "$verb"
    else ((place++))
    fi
  done
  if [[ -z $is_over && $valued == *" $previous "* ]]; then
    _titan_value "$verb" "$previous"
  elif [[ -z $is_over && $current == -* ]]; then choices=$options
  elif [[ -z $verb ]]; then choices='${verbs}'
  else _titan_value "$verb" "$((place + 1))"
  fi
  case $kind in
    file) compopt -o default 2> /dev/null ;;
    command) COMPREPLY=($(compgen -c -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$choices" -- "$current")) ;;
  esac
}

complete -F _titan titan
`;
}

function optionCase({ names, options }: CommandOutline): string[] {
  if (options.length === 0) return [];
  const valued = namesOf(options.filter(takesValue));
  const more = valued === "" ? "" : ` valued+='${valued} '`;
  return [`    ${names.join("|")}) options+=' ${namesOf(options)}'${more} ;;`];
}

function valueCases({ names, options, args }: CommandOutline): string[] {
  const places = args.flatMap(({ value }, index) => {
    const action = setting(value);
    const patterns = names.map((name) => `'${name} ${index + 1}'`);
    return action === undefined ? [] : [`    ${patterns.join("|")}) ${action} ;;`];
  });
  const isCommandLine = args.some(({ value }) => value.kind === "command");
  // Whatever command it is, most take files.
  const rest = isCommandLine ? names.map((name) => `    '${name} '*[0-9]) kind=file ;;`) : [];
  return [...options.flatMap((option) => optionValueCase(names, option)), ...places, ...rest];
}

function optionValueCase(verbs: readonly string[], { names, value }: OptionOutline): string[] {
  const action = value === undefined ? undefined : setting(value);
  if (action === undefined) return [];
  const patterns = verbs.flatMap((verb) =>
    names.map((name) => (verb === "*" ? `*' ${name}'` : `'${verb} ${name}'`)),
  );
  return [`    ${patterns.join("|")}) ${action} ;;`];
}

function setting(value: ValueOutline): string | undefined {
  switch (value.kind) {
    case "choice":
      return `choices='${value.choices.join(" ")}'`;
    case "file":
    case "command":
      return `kind=${value.kind}`;
    case "key":
    case "other":
      return undefined;
  }
}

function namesOf(options: readonly OptionOutline[]): string {
  return options.flatMap(({ names }) => names).join(" ");
}

function takesValue({ value }: OptionOutline): boolean {
  return value !== undefined;
}
