# Makes a .cc of text files: cmake -DOUT=... -DFILES=a;b -DNAME=Function -DHEADER=... -P Embed.cmake
# The function returns pairs of file name and text.
set(body "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND body "      {\"${name}\", R\"rk(${text})rk\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"${HEADER}\"

namespace rekindle::api {

std::vector<std::pair<std::string, std::string>> ${NAME}() {
  return {
${body}  };
}

}  // namespace rekindle::api
")
