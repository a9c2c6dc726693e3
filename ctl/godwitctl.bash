# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
# Completion of godwitctl for bash.

_godwitctl () {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local commands='migrate incoming status cancel continue set plugins check watch qmp shell'
  local options='-s --socket --token --follow --json --version -h --help'
  local i command=

  COMPREPLY=()
  case $before in
  -s | --socket | --token)
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    -s | --socket | --token) i=$((i + 1)) ;;
    -*) ;;
    *) command=${command:-${COMP_WORDS[i]}} ;;
    esac
  done
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  fi
}

complete -o default -F _godwitctl godwitctl
