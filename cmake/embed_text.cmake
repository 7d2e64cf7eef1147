# cmake -DIN=FILE -DOUT=FILE -DNAME=variable -DHEADER=header -P embed_text.cmake: turns a text file into a C string
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUT} "/* Made by cmake/embed_text.cmake. */\n#include \"${HEADER}\"\n\nconst char ${NAME}[] = {${hex}0};\n")
