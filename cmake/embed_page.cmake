# Run with -P: makes C++ of the status page. FOLDER: where page.html, .css and .js are; OUT: the source file to write.
file(READ ${FOLDER}/page.html html)
file(READ ${FOLDER}/page.css style)
file(READ ${FOLDER}/page.js script)
string(REPLACE "/*STYLE*/" "${style}" html "${html}")
string(REPLACE "/*SCRIPT*/" "${script}" html "${html}")
file(WRITE ${OUT} "#include \"admin/page.h\"

namespace aralez {

const std::string_view kPageHtml = R\"=page=(${html})=page=\";
const std::string_view kPageStyle = R\"=page=(${style})=page=\";
const std::string_view kPageScript = R\"=page=(${script})=page=\";

}  // namespace aralez
")
