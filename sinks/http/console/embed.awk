# The console's files as entries of a table in C, one for each file: PAGE("name", "text").
# A question mark is escaped because two of them may begin a trigraph.
FNR == 1 {
    if (NR > 1) print ")"
    name = FILENAME
    sub(/.*\//, "", name)
    print "PAGE(\"" name "\","
}
{
    gsub(/[\\"?]/, "\\\\&")
    print "\"" $0 "\\n\""
}
END { print ")" }
