# The modules, bottom up. An arrow that is not listed here does not link, and tests/tidy refuses the include.
# libcurl and libarchive are not linked: core/host and core/chart load them when they are first used.
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(LibArchive REQUIRED)
# Linked whole: each shared library costs a third of a millisecond at every start.
find_library(LIBYAML_STATIC libyaml.a REQUIRED)
find_library(RE2_STATIC libre2.a REQUIRED)
find_library(ZLIB_STATIC libz.a REQUIRED)

nautilus_module(core/base LIBS ${CMAKE_DL_LIBS})
nautilus_module(core/port DEPS core/base)
nautilus_module(core/value DEPS core/base LIBS ${LIBYAML_STATIC} OpenSSL::Crypto)
nautilus_module(core/gotmpl DEPS core/value core/port)
nautilus_module(core/status DEPS core/value)
nautilus_module(core/host DEPS core/port LIBS OpenSSL::SSL OpenSSL::Crypto)
nautilus_module(core/kube DEPS core/value core/port LIBS OpenSSL::Crypto)
nautilus_module(core/sim DEPS core/value core/port LIBS Boost::headers)
nautilus_module(core/sprig DEPS core/gotmpl core/value core/port
                LIBS ${RE2_STATIC} OpenSSL::Crypto crypt)
nautilus_module(core/chart DEPS core/sprig core/gotmpl core/value core/port)
nautilus_module(core/env DEPS core/value core/port)
nautilus_module(core/apply DEPS core/chart core/status core/env core/kube)
nautilus_module(core/release DEPS core/apply LIBS OpenSSL::Crypto ${ZLIB_STATIC})
nautilus_module(core/rehearse DEPS core/release core/sim)

# The engine. It knows core/base, core/port and core/value; only engine/lease knows Kubernetes.
nautilus_module(engine/model DEPS core/base core/value)
nautilus_module(engine/book DEPS engine/model)
nautilus_module(engine/risk DEPS engine/model)
nautilus_module(engine/matching DEPS engine/book engine/risk engine/model)
nautilus_module(engine/journal DEPS engine/model core/port)
nautilus_module(engine/host DEPS engine/journal core/port)
nautilus_module(engine/sequencer DEPS engine/journal engine/model core/port)
nautilus_module(engine/replication DEPS engine/sequencer engine/journal core/port LIBS Boost::headers OpenSSL::SSL OpenSSL::Crypto)
nautilus_module(engine/lease DEPS engine/journal core/kube)
nautilus_module(engine/gateway DEPS engine/sequencer engine/model core/value core/port LIBS Boost::headers OpenSSL::SSL OpenSSL::Crypto)
nautilus_module(engine/server DEPS engine/gateway engine/replication engine/matching engine/host engine/sequencer)
