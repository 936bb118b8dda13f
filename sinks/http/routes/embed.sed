# Each line of a text as a string literal of C; without its newline, which JSON does not need.
s/[\\"]/\\&/g
s/.*/"&"/
