# doxygen.sed: the headers' comments as doxygen wants them, on its way to a page. Ours are plain C
# comments that stand before what they describe, or behind a member of a struct.
1s,^/\* \(reel/[a-z]*\.h\): ,/** @file \1\n * @brief ,
t
\,^/\* ----.*---- \*/$,d
s,^\( *\)/\* ,\1/** ,
t
s,\([;\,]\) */\* ,\1 /**< ,
s,^\( \* .*\)\\u,\1\\\\u,
