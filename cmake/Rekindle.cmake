# Helpers that keep the CMakeLists of each folder down to its file list.
#
#   rk_library(NAME SRCS ... HDRS ... DEPS ...)   one folder, one library target; DEPS are PUBLIC
#   rk_test(NAME SRCS ... DEPS ... [LABEL unit])  one test program, its cases registered with ctest;
#                                                 WHOLE: the program is one ctest test, so that its
#                                                 cases share what is dear to set up
#   rk_program(NAME SRCS ... DEPS ...)            one executable
#   rk_proto(NAME PROTOS ... [GRPC] DEPS ...)     generated code of the .proto files of one folder
#   rk_fuzz(NAME SRCS ... DEPS ... CORPUS dir)    a libFuzzer target; elsewhere its corpus replays as a test

include(GoogleTest)

# Everything that the label `unit` needs: what is built where only unit tests run (sanitizers).
add_custom_target(unit_tests)

add_library(rk_flags INTERFACE)
target_compile_options(rk_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wimplicit-fallthrough -Wswitch -Werror -fno-omit-frame-pointer
  # Designated initialisers that leave the rest to its defaults are meant so.
  -Wno-missing-field-initializers)
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

# One kind of position-independent code for libraries and programs, so that both can share
# precompiled headers; the libraries go into programs only.
add_compile_options(-fPIE)

# Sanitizers apply to generated code as well, so they are global.
if(REKINDLE_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(REKINDLE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
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

# What most files include, parsed once for the tree and once more for its tests: with clang this
# takes two thirds of the time off. GCC would instantiate the headers' templates in every file anew.
if(REKINDLE_PCH AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")  # for ccache
  add_library(rk_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
  target_precompile_headers(rk_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
  add_library(rk_test_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
  target_precompile_headers(rk_test_pch PRIVATE
    ${CMAKE_SOURCE_DIR}/cmake/pch.h <gmock/gmock.h> <gtest/gtest.h>)
  foreach(pch rk_pch rk_test_pch)
    target_link_libraries(${pch} PRIVATE rk_flags absl::base absl::strings
      nlohmann_json::nlohmann_json protobuf::libprotobuf PkgConfig::GRPC)
  endforeach()
  target_link_libraries(rk_test_pch PRIVATE GTest::gmock)
  # What those libraries define: a precompiled header fits only where it is defined as well.
  target_compile_definitions(rk_flags INTERFACE NOMINMAX GTEST_HAS_PTHREAD=1)
endif()

function(rk_use_pch NAME PCH)
  if(TARGET ${PCH})
    target_precompile_headers(${NAME} REUSE_FROM ${PCH})
  endif()
endfunction()

function(rk_library NAME)
  cmake_parse_arguments(A "" "" "SRCS;HDRS;DEPS" ${ARGN})
  if(A_SRCS)
    add_library(${NAME} STATIC ${A_SRCS} ${A_HDRS})
    target_link_libraries(${NAME} PUBLIC ${A_DEPS} PRIVATE rk_flags)
    target_include_directories(${NAME} PUBLIC ${CMAKE_SOURCE_DIR})
    if(${CMAKE_CURRENT_SOURCE_DIR} MATCHES "^${CMAKE_SOURCE_DIR}/tests")
      rk_use_pch(${NAME} rk_test_pch)
    else()
      rk_use_pch(${NAME} rk_pch)
    endif()
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
  rk_use_pch(${NAME} rk_pch)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

if(REKINDLE_SANITIZE STREQUAL thread)
  add_library(rk_grpc_sync OBJECT ${CMAKE_SOURCE_DIR}/tests/tsan/grpc_sync.cc)
  target_link_libraries(rk_grpc_sync PUBLIC PkgConfig::GRPC PRIVATE rk_flags)
endif()

function(rk_test NAME)
  cmake_parse_arguments(A "WHOLE" "LABEL;TIMEOUT" "SRCS;DEPS;ALONE" ${ARGN})
  if(NOT A_LABEL)
    set(A_LABEL unit)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  add_executable(${NAME} ${A_SRCS})
  target_link_libraries(${NAME} PRIVATE ${A_DEPS} rk_flags GTest::gmock_main)
  rk_use_pch(${NAME} rk_test_pch)
  # In groups: most of the time that a test takes to compile is its headers. A file ALONE has names
  # that others of its target have too.
  set_target_properties(${NAME} PROPERTIES UNITY_BUILD ${REKINDLE_GROUP_TESTS} UNITY_BUILD_BATCH_SIZE 4)
  set_source_files_properties(${A_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(A_LABEL STREQUAL "unit")
    add_dependencies(unit_tests ${NAME})
  endif()
  if(REKINDLE_SANITIZE STREQUAL thread)
    target_link_libraries(${NAME} PRIVATE rk_grpc_sync)
  endif()
  # Libraries that are not instrumented would be accused of what their own locks guard.
  set(env "TSAN_OPTIONS=ignore_noninstrumented_modules=1:history_size=4:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp"
          "UBSAN_OPTIONS=print_stacktrace=1"
          "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp")
  if(A_WHOLE)
    add_test(NAME ${NAME} COMMAND ${NAME})
    set_tests_properties(${NAME} PROPERTIES
      LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT} ENVIRONMENT "${env}")
  else()
    gtest_discover_tests(${NAME}
      TEST_PREFIX "${NAME}." DISCOVERY_TIMEOUT 60 TEST_LIST ${NAME}_found
      PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT})
    # PROPERTIES takes no value that is a list.
    set(script "${CMAKE_CURRENT_BINARY_DIR}/${NAME}_env.cmake")
    file(WRITE "${script}" "if(${NAME}_found)  # built
  set_tests_properties(\${${NAME}_found} PROPERTIES ENVIRONMENT \"${env}\")
endif()
")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
  endif()
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
  add_custom_target(${NAME}_generated DEPENDS ${generated})
  add_dependencies(generated_code ${NAME}_generated)
  target_include_directories(${NAME} SYSTEM PUBLIC ${out})
  target_link_libraries(${NAME} PUBLIC protobuf::libprotobuf ${A_DEPS})
  if(A_GRPC)
    target_link_libraries(${NAME} PUBLIC PkgConfig::GRPC)
  endif()
endfunction()

# What ./test builds of the fuzz preset, and what clang-tidy needs to have been made.
add_custom_target(fuzz_targets)
add_custom_target(generated_code)

function(rk_fuzz NAME)
  cmake_parse_arguments(A "" "CORPUS" "SRCS;DEPS" ${ARGN})
  if(REKINDLE_FUZZ)
    add_executable(${NAME} ${A_SRCS})
    target_link_options(${NAME} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_targets ${NAME})
    # Tells the runner of the targets where each one's corpus is.
    file(WRITE ${CMAKE_BINARY_DIR}/fuzz/${NAME}.corpus "${A_CORPUS}")
  else()
    add_executable(${NAME} ${A_SRCS} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME ${NAME}.corpus COMMAND ${NAME} ${A_CORPUS})
    set_tests_properties(${NAME}.corpus PROPERTIES LABELS unit TIMEOUT 120)
    add_dependencies(unit_tests ${NAME})
  endif()
  target_link_libraries(${NAME} PRIVATE ${A_DEPS} rk_flags)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
