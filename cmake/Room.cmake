# A room is a folder below src/: one purpose, one target, one public include root. Its sources and headers are found,
# not listed, so that adding a file is adding a file. tests/unit/<room>/*_test.cpp become the program test_<room>.
#
#   nw_room(watch DEPS os wire model LIBS some::library)
#
# DEPS are other rooms (they must agree with tests/tidy/layers.toml, which a test checks), LIBS are third-party targets.
# LIBS are PRIVATE: a third-party header never shows through a header of ours.
function(nw_room name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;PUBLIC_LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/${name}/*.cpp)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    file(GLOB os_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/${name}/linux/*.cpp)
    list(APPEND sources ${os_sources})
  endif()
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/${name}/include/${name}/*.h)
  if(NOT sources)
    # A room of headers alone still compiles as a target, so that every room is used in the same way.
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty/${name}.cpp "")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty/${name}.cpp)
  endif()
  add_library(nw_${name} STATIC ${sources})
  if(headers)
    target_sources(nw_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR}/src/${name}/include
                                            FILES ${headers})
  endif()
  target_include_directories(nw_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/src/${name}/include)
  list(TRANSFORM ARG_DEPS PREPEND nw_)
  target_link_libraries(nw_${name} PUBLIC ${ARG_DEPS} ${ARG_PUBLIC_LIBS} PRIVATE ${ARG_LIBS} nw_flags)

  if(NW_TESTS)
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/unit/${name}/*_test.cpp)
    if(tests)
      nw_test(test_${name} SOURCES ${tests} ROOMS ${name})
    endif()
  endif()
endfunction()

# A GoogleTest program whose every test is a test of ctest.
function(nw_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;LABELS" "SOURCES;ROOMS;LIBS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_ROOMS PREPEND nw_)
  target_link_libraries(${name} PRIVATE ${ARG_ROOMS} ${ARG_LIBS} GTest::gmock_main nw_flags)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE NW_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             NW_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set(properties TIMEOUT ${ARG_TIMEOUT})
  if(ARG_LABELS)
    list(APPEND properties LABELS ${ARG_LABELS})
  endif()
  if(ARG_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()
