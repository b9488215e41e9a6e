# SPDX-License-Identifier: ISC
#
# The machine's own package sources, read from *.list and *.sources, as
# deb-src lines of one-line style: those of the running release (-v suite=),
# its updates and its security fixes, component main.

function out(opts, uris, suites,   u, s, i, j, nu, ns) {
	nu = split(uris, u, " ")
	ns = split(suites, s, " ")
	for (i = 1; i <= nu; i++)
		for (j = 1; j <= ns; j++)
			if (s[j] == suite || s[j] == suite "-updates" ||
			    s[j] == suite "-security")
				print "deb-src " (opts == "" ? "" : "[" opts "] ") \
				    u[i] " " s[j] " main"
}

function stanza() {
	if (types ~ /deb/ && components ~ /(^| )main( |$)/ && enabled != "no")
		out(signed == "" ? "" : "signed-by=" signed, uris, suites)
	types = uris = suites = components = signed = enabled = ""
}

FNR == 1 { stanza() }
FILENAME ~ /\.list$/ && /^deb(-src)?[ \t]/ {
	opts = ""
	if (match($0, /\[[^]]*\]/)) {
		opts = substr($0, RSTART + 1, RLENGTH - 2)
		$0 = substr($0, 1, RSTART - 1) " " substr($0, RSTART + RLENGTH)
	}
	for (i = 4; i <= NF; i++)
		if ($i == "main")
			out(opts, $2, $3)
	next
}
/^[ \t]*$/ { stanza(); next }
/^#/ { next }
/^[A-Za-z-]+:/ {
	key = tolower($1)
	$1 = ""
	sub(/^ +/, "")
	if (key == "types:") types = $0
	if (key == "uris:") uris = $0
	if (key == "suites:") suites = $0
	if (key == "components:") components = $0
	if (key == "signed-by:" && $0 ~ /^\//) signed = $0
	if (key == "enabled:") enabled = tolower($0)
}
END { stanza() }
