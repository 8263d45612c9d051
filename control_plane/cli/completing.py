"""`slipway completion`: what a shell reads to complete our commands, options and their values.

Written out from the commands themselves, so that a key press starts no Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

BASH = """\
_slipway() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" at="" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$at $word" in
      {commands}) at="$at $word" ;;
    esac
  done
  case "$at $prev" in
{values}
  esac
  if [ -z "$words" ]; then
    case "$at" in
{words}
    esac
    case "$cur" in
      -*) ;;
      *) words=" $words"; words="${{words// -[^ ]*/}}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -o bashdefault -F _slipway slipway
"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


@dataclass
class Words:
    """What may come after one command."""

    path: tuple[str, ...]
    commands: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "".join(f" {part}" for part in self.path)


def completion(
    context: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Which shell.")],
) -> None:
    """Print what completes `slipway`. Put `eval "$(slipway completion bash)"` into ~/.bashrc."""
    every = list(walk(context.find_root().command, ()))
    match shell:
        case "bash":
            print(_bash(every), end="")
        case "zsh":
            print(ZSH + _bash(every), end="")
        case "fish":
            print("\n".join(_fish(every)))


def walk(command: Any, path: tuple[str, ...]) -> Iterator[Words]:
    """This command and all below it."""
    found, offered = Words(path), _choices(command.callback)
    for parameter in command.params:
        if parameter.param_type_name != "option":
            continue
        choices = offered.get(parameter.name, ())
        for option in (*parameter.opts, *parameter.secondary_opts):
            found.options[option] = _line(parameter.help)
            if choices:
                found.values[option] = choices
    below = getattr(command, "commands", {})
    for name, one in below.items():
        found.commands[name] = _line(one.help)
    yield found
    for name, one in below.items():
        yield from walk(one, (*path, name))


def _choices(callback: Any) -> dict[str, tuple[str, ...]]:
    """The words that each option of a command takes, where those are few."""
    if callback is None:
        return {}
    hints = get_type_hints(unwrap(callback))
    return {name: get_args(kind) for name, kind in hints.items() if get_origin(kind) is Literal}


def _bash(every: list[Words]) -> str:
    commands = "|".join(f'"{one.name}"' for one in every if one.path)
    values = [
        f'    "{one.name} {option}") words="{" ".join(choices)}" ;;'
        for one in every
        for option, choices in one.values.items()
    ]
    words = [
        f'      "{one.name}") words="{" ".join([*one.commands, *one.options])}" ;;' for one in every
    ]
    return BASH.format(commands=commands, values="\n".join(values), words="\n".join(words))


def _fish(every: list[Words]) -> Iterator[str]:
    for one in every:
        if not one.path:
            when = "__fish_use_subcommand"
        else:
            when = " ; and ".join(f"__fish_seen_subcommand_from {part}" for part in one.path)
        for name, text in one.commands.items():
            yield f"complete -c slipway -f -n '{when}' -a {name} -d '{text}'"
        for option, text in one.options.items():
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            choices = one.values.get(option)
            more = f" -x -a '{' '.join(choices)}'" if choices else ""
            yield f"complete -c slipway -n '{when}' {flag} -d '{text}'{more}"


def _line(text: str | None) -> str:
    """The first sentence, as it may stand in quotes."""
    first = (text or "").strip().partition("\n")[0]
    return first.replace("'", "").replace("`", "").replace("\\", "")[:100]
