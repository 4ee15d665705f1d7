# nautilus_module(core/kube DEPS core/value core/port LIBS CURL::libcurl)
#
# One static library per folder: every .cpp directly in the folder or below it. DEPS are the modules it may include,
# the same arrows that tests/tidy checks; LIBS are third-party targets, private so that they do not leak upward.
function(nautilus_module folder)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;PUBLIC_LIBS" ${ARGN})
  string(REPLACE "/" "_" target ${folder})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  if(sources)
    set(visibility PUBLIC)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE ${ARG_LIBS})
    nautilus_precompile(${target})
  else()
    set(visibility INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  target_link_libraries(${target} ${visibility} nautilus_options ${ARG_PUBLIC_LIBS})
  foreach(dep ${ARG_DEPS})
    string(REPLACE "/" "_" dep_target ${dep})
    target_link_libraries(${target} ${visibility} ${dep_target})
  endforeach()
endfunction()

# One precompiled header for everything: the standard containers, fmt and nlohmann are most of a compile.
add_library(nautilus_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(nautilus_pch PUBLIC nautilus_options)
target_precompile_headers(nautilus_pch PRIVATE
  <algorithm> <array> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional> <set> <span> <string>
  <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h> <nlohmann/json.hpp>)
function(nautilus_precompile target)
  target_precompile_headers(${target} REUSE_FROM nautilus_pch)
endfunction()
