# Language level, warnings and hardening, kept in one interface target that every one of our own targets links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")  # line numbers in crash reports, without the weight of -g
# -fPIE everywhere (not CMake's -fPIC for libraries): one precompiled header must fit libraries and programs alike.

find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)

# Debian has fmt only as a shared library or header-only; compiled once from its headers it costs neither start nor
# build time.
add_library(nautilus_fmt STATIC ${CMAKE_SOURCE_DIR}/cmake/fmt.cpp)

add_library(nautilus_options INTERFACE)
target_include_directories(nautilus_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(nautilus_options INTERFACE nautilus_fmt nlohmann_json::nlohmann_json Threads::Threads)
target_compile_options(nautilus_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wformat=2 -Wundef -Wcast-qual
  -fPIE -fstack-protector-strong -fno-plt)
# GCC 12 reports these inside std:: and nlohmann at -O2 where there is nothing wrong.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(nautilus_options INTERFACE -fstack-clash-protection -fcf-protection
    -Wno-error=maybe-uninitialized -Wno-error=restrict -Wno-error=stringop-overflow -Wno-error=array-bounds)
endif()
if(NAUTILUS_SANITIZE)
  target_compile_options(nautilus_options INTERFACE -fsanitize=${NAUTILUS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(nautilus_options INTERFACE -fsanitize=${NAUTILUS_SANITIZE})
  # Checks on every access to memory are a third of what a sanitized build costs; the address sanitizer sees most of it.
  if(NAUTILUS_SANITIZE_NOT)
    target_compile_options(nautilus_options INTERFACE -fno-sanitize=${NAUTILUS_SANITIZE_NOT})
  endif()
  if(NAUTILUS_SANITIZE MATCHES "thread")  # it knows no fences; each of our contexts has one thread and needs none
    target_compile_definitions(nautilus_options INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
  if(NAUTILUS_SANITIZE MATCHES "undefined")
    target_compile_options(nautilus_options INTERFACE -fno-sanitize-recover=all)
  endif()
else()
  target_compile_definitions(nautilus_options INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
endif()
target_compile_definitions(nautilus_options INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(nautilus_options INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)

find_program(MOLD_LINKER mold)
if(MOLD_LINKER)
  target_link_options(nautilus_options INTERFACE -fuse-ld=mold)
endif()

# The C++ runtime goes into the program, except under sanitizers, which replace parts of it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT NAUTILUS_SANITIZE)
  target_link_options(nautilus_options INTERFACE -static-libstdc++ -static-libgcc)
endif()
