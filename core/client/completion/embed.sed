# Each line of a text as a string literal of C, with its newline.
s/[\\"]/\\&/g
s/.*/"&\\n"/
