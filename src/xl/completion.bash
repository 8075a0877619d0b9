# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for xl: commands, their options, domains, and files for create. It asks xl itself, so it knows no list.

_xl()
{
    local cur=${COMP_WORDS[COMP_CWORD]} xl=${COMP_WORDS[0]} command= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -*) ;;
        *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    COMPREPLY=()
    if [[ -z $command ]]; then
        [[ $cur == -* ]] && mapfile -t COMPREPLY < <(compgen -W "-v -f -N -t -T" -- "$cur") && return
        mapfile -t COMPREPLY < <(compgen -W "help $("$xl" help 2>/dev/null | sed '1,4d' | awk '/^ [^ ]/{print $1}')" -- "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "-h $("$xl" help "$command" 2>/dev/null |
            sed -n '/^Options:/,$p' | grep -oE '(^|[ ,])--?[A-Za-z][A-Za-z-]*' | tr -d ' ,')" -- "$cur")
    elif [[ $command == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$xl" help 2>/dev/null | sed '1,4d' | awk '/^ [^ ]/{print $1}')" -- "$cur")
    elif [[ $command != create && $command != restore ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$xl" list 2>/dev/null | awk 'NR > 2 {print $1}')" -- "$cur")
    fi
}
complete -o default -F _xl xl domus
