# Flags for our own code only: every target links dm_flags, nothing is global, imported headers count as system headers.
add_library(dm_flags INTERFACE)
target_include_directories(dm_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(dm_flags INTERFACE _GNU_SOURCE DM_VERSION="${PROJECT_VERSION}")
target_compile_options(dm_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual -Wcast-align -Wpointer-arith
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wconversion -Wsign-conversion
  -Wimplicit-fallthrough -Wswitch-enum -Wvla -Wdouble-promotion
  -Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=return-type
  -fno-common -fstack-protector-strong -fstack-clash-protection -fvisibility=hidden
  $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wformat-signedness -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
    -Walloc-zero -ftrivial-auto-var-init=zero>
  $<$<BOOL:${WERROR}>:-Werror>)
if(SANITIZE)
  target_compile_options(dm_flags INTERFACE -fsanitize=${SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(dm_flags INTERFACE -fsanitize=${SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(dm_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(dm_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# The optimiser sees all modules of a release at once; "fat", so that tests, which link one of them, need not wait for that again.
set(DM_WHOLE_PROGRAM $<AND:$<C_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>)

# dm_module(name DEPENDS other-modules USES libraries): one static library of all .c files of a folder. The libraries a folder uses
# are private to it; the layer test (tests/lint) holds who may include whom.
function(dm_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPENDS;USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(dm_${name} STATIC ${sources} ${M_SOURCES})
  target_compile_options(dm_${name} PRIVATE $<${DM_WHOLE_PROGRAM}:-flto=auto$<SEMICOLON>-ffat-lto-objects>)
  list(TRANSFORM M_DEPENDS PREPEND dm_)
  target_link_libraries(dm_${name} PUBLIC dm_flags ${M_DEPENDS} PRIVATE ${M_USES})
endfunction()
