# One doctest binary per folder under tests/unit; ctest runs each as one test with the label "unit".
find_package(doctest REQUIRED)

add_library(nautilus_test_main STATIC ${CMAKE_SOURCE_DIR}/tests/unit/main.cpp)
target_link_libraries(nautilus_test_main PUBLIC nautilus_options doctest::doctest)

# nautilus_unit_test(core/kube) builds tests/unit/core/kube/*_test.cpp against that module.
function(nautilus_unit_test folder)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" target ${folder})
  add_executable(unit_${target} ${sources})
  target_link_libraries(unit_${target} PRIVATE nautilus_test_main ${target} ${ARG_LIBS})
  target_compile_definitions(unit_${target} PRIVATE NAUTILUS_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  nautilus_precompile(unit_${target})
  add_test(NAME unit_${target} COMMAND unit_${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(unit_${target} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()

# The simulated disk and the toy machine, for every suite of the engine that has a journal under it.
add_library(engine_test_support STATIC
  ${CMAKE_SOURCE_DIR}/tests/support/engine/simulated_storage.cpp
  ${CMAKE_SOURCE_DIR}/tests/support/engine/toy_machine.cpp
  ${CMAKE_SOURCE_DIR}/tests/support/engine/certificates.cpp)
target_link_libraries(engine_test_support PUBLIC engine_journal OpenSSL::SSL OpenSSL::Crypto)
nautilus_precompile(engine_test_support)
foreach(folder engine/journal engine/host engine/sequencer engine/replication engine/server)
  nautilus_unit_test(${folder} LIBS engine_test_support)
endforeach()
# Judges of the engine that more than one suite uses: a naive second engine, random commands.
add_library(nautilus_engine_judges STATIC
  ${CMAKE_SOURCE_DIR}/tests/support/engine/reference_engine.cpp ${CMAKE_SOURCE_DIR}/tests/support/engine/command_stream.cpp)
target_link_libraries(nautilus_engine_judges PUBLIC engine_model)
nautilus_precompile(nautilus_engine_judges)

foreach(folder core/base core/port core/value core/gotmpl core/status core/host core/kube core/sim core/sprig core/chart core/calendar
        core/env core/verify core/apply core/release core/rehearse core/bundle core/backup core/audit core/canary core/upgrade
        engine/model engine/book engine/risk engine/matching
        engine/gateway engine/bench)
  nautilus_unit_test(${folder})
endforeach()
target_link_libraries(unit_core_release PRIVATE core_sim)  # adoption on the embedded cluster
nautilus_unit_test(core/check LIBS core_sim)
target_link_libraries(unit_core_audit PRIVATE core_sim OpenSSL::Crypto)
target_link_libraries(unit_core_upgrade PRIVATE core_sim)
target_link_libraries(unit_core_backup PRIVATE core_sim)  # a simulated Velero on the embedded cluster
nautilus_unit_test(engine/lease LIBS core_sim)
target_link_libraries(unit_engine_gateway PRIVATE engine_matching core_host)  # a real engine behind the sessions
target_link_libraries(unit_core_chart PRIVATE LibArchive::LibArchive)  # its tests write archives
target_link_libraries(unit_core_calendar PRIVATE core_host rapidcheck OpenSSL::Crypto)
target_link_libraries(unit_engine_matching PRIVATE nautilus_engine_judges rapidcheck)
target_link_libraries(unit_engine_sequencer PRIVATE engine_matching nautilus_engine_judges)
nautilus_unit_test(cli LIBS)
# Killed at every write of every strategy; under AddressSanitizer that is minutes.
set_tests_properties(unit_core_upgrade PROPERTIES TIMEOUT 1800)
# The ones with more than one thread, which scripts/test.sh runs under ThreadSanitizer too.
foreach(name unit_core_host unit_engine_gateway unit_engine_sequencer unit_engine_replication)
  if(TEST ${name})
    set_property(TEST ${name} APPEND PROPERTY LABELS threads)
  endif()
endforeach()

# Suites that are more than one module bring their own file.
foreach(suite tidy fuzz contract scenarios platform cluster differential/helm)
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/${suite}/CMakeLists.txt)
    add_subdirectory(tests/${suite})
  endif()
endforeach()
