# SPDX-License-Identifier: ISC
#
# bash(1) completes the words of ikectl(8) and ipsecctl(8), which the programs
# know themselves: `--complete' prints their commands, `--complete names' the
# tunnels.

_ravelin_words() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=$1 what=
	case $prev in
	-f | -D | --ipsec | --iked | --pf | --network | --assert)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return ;;
	-s) what=show ;;
	status | why | check | up | down | rekey | rekey-ike | reset | monitor | history)
		what=names ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete $what 2>/dev/null)" -- "$cur")
}
complete -F _ravelin_words ikectl ipsecctl
