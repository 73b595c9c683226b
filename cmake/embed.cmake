# Writes the file IN as a C array SYMBOL to OUT.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <stddef.h>\nextern const unsigned char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_len;\nconst unsigned char ${SYMBOL}[] = {${bytes}};\nconst size_t ${SYMBOL}_len = sizeof(${SYMBOL});\n")
