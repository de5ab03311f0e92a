# Helpers that keep the CMakeLists of each folder down to its file list.
#
#   rk_library(NAME SRCS ... HDRS ... DEPS ...)   one folder, one library target; DEPS are PUBLIC
#   rk_test(NAME SRCS ... DEPS ... [LABEL unit])  one test program, its cases registered with ctest
#   rk_program(NAME SRCS ... DEPS ...)            one executable
#   rk_proto(NAME PROTOS ... [GRPC] DEPS ...)     generated code of the .proto files of one folder
#   rk_fuzz(NAME SRCS ... DEPS ... CORPUS dir)    a libFuzzer target; elsewhere its corpus replays as a test

include(GoogleTest)

add_library(rk_flags INTERFACE)
target_compile_options(rk_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wimplicit-fallthrough -Wswitch -Werror -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(rk_flags INTERFACE -Wthread-safety -Wno-unknown-warning-option)
else()
  # GCC 12 reports these two in inlined library code (std::string, absl) where nothing is wrong.
  target_compile_options(rk_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
target_include_directories(rk_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Only Asio/Beast headers are used; no Boost library is linked.
target_compile_definitions(rk_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION)

# Sanitizers apply to generated code as well, so they are global.
if(REKINDLE_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(REKINDLE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    # GCC's TSan does not model atomic_thread_fence (used by Asio); its own locks are modelled.
    add_compile_options(-Wno-tsan)
  endif()
elseif(REKINDLE_SANITIZE STREQUAL "fuzzer")
  add_compile_options(-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
if(REKINDLE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

# Hardening of what is shipped, as Debian's build flags do it.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -Wformat
                      -Werror=format-security -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
endif()

function(rk_library NAME)
  cmake_parse_arguments(A "" "" "SRCS;HDRS;DEPS" ${ARGN})
  if(A_SRCS)
    add_library(${NAME} STATIC ${A_SRCS} ${A_HDRS})
    target_link_libraries(${NAME} PUBLIC ${A_DEPS} PRIVATE rk_flags)
    target_include_directories(${NAME} PUBLIC ${CMAKE_SOURCE_DIR})
  else()
    add_library(${NAME} INTERFACE)
    target_link_libraries(${NAME} INTERFACE ${A_DEPS})
    target_include_directories(${NAME} INTERFACE ${CMAKE_SOURCE_DIR})
  endif()
endfunction()

function(rk_program NAME)
  cmake_parse_arguments(A "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${NAME} ${A_SRCS})
  target_link_libraries(${NAME} PRIVATE ${A_DEPS} rk_flags)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

function(rk_test NAME)
  cmake_parse_arguments(A "" "LABEL;TIMEOUT" "SRCS;DEPS" ${ARGN})
  if(NOT A_LABEL)
    set(A_LABEL unit)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  add_executable(${NAME} ${A_SRCS})
  target_link_libraries(${NAME} PRIVATE ${A_DEPS} rk_flags GTest::gmock_main)
  gtest_discover_tests(${NAME}
    TEST_PREFIX "${NAME}." DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT}
      ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/test/tsan.supp:history_size=4;UBSAN_OPTIONS=print_stacktrace=1;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/test/lsan.supp")
endfunction()

function(rk_proto NAME)
  cmake_parse_arguments(A "GRPC" "" "PROTOS;DEPS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(generated)
  foreach(proto ${A_PROTOS})
    file(RELATIVE_PATH rel ${CMAKE_SOURCE_DIR}/proto ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
    string(REGEX REPLACE "\\.proto$" "" stem ${rel})
    set(files ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(args --cpp_out=${out})
    if(A_GRPC)
      list(APPEND files ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND args --grpc_out=${out} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${files}
      COMMAND protobuf::protoc -I ${CMAKE_SOURCE_DIR}/proto ${args} ${CMAKE_SOURCE_DIR}/proto/${rel}
      DEPENDS ${CMAKE_SOURCE_DIR}/proto/${rel} VERBATIM)
    list(APPEND generated ${files})
  endforeach()
  add_library(${NAME} STATIC ${generated})
  target_include_directories(${NAME} SYSTEM PUBLIC ${out})
  target_link_libraries(${NAME} PUBLIC protobuf::libprotobuf ${A_DEPS})
  if(A_GRPC)
    target_link_libraries(${NAME} PUBLIC PkgConfig::GRPC)
  endif()
endfunction()

function(rk_fuzz NAME)
  cmake_parse_arguments(A "" "CORPUS" "SRCS;DEPS" ${ARGN})
  if(REKINDLE_FUZZ)
    add_executable(${NAME} ${A_SRCS})
    target_link_options(${NAME} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${NAME} ${A_SRCS} ${CMAKE_SOURCE_DIR}/test/fuzz/replay_main.cc)
    add_test(NAME ${NAME}.corpus COMMAND ${NAME} ${A_CORPUS})
    set_tests_properties(${NAME}.corpus PROPERTIES LABELS unit TIMEOUT 120)
  endif()
  target_link_libraries(${NAME} PRIVATE ${A_DEPS} rk_flags)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
