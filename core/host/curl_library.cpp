#include "core/host/curl_library.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <cstdarg>

#include "core/base/lazy_library.h"

#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

namespace nautilus::host {

static base::LazyLibrary curl("libcurl.so.4", "libcurl4");

Result<> load_curl() { return curl.load(); }

}  // namespace nautilus::host

#define FORWARD(result, name, parameters, arguments) \
  NAUTILUS_FORWARD(nautilus::host::curl, result, name, parameters, arguments)

// The variadic functions take one argument after the option: a long, a curl_off_t or a pointer, all passed alike on the
// 64-bit machines we build for.
#define FORWARD_OPTION(result, name, handle, option)                                                       \
  result name(handle* target, option which, ...) {                                                         \
    static_assert(sizeof(long) == sizeof(void*) && sizeof(curl_off_t) == sizeof(void*));                   \
    static const auto forwarded = reinterpret_cast<decltype(&name)>(nautilus::host::curl.function(#name)); \
    va_list rest;                                                                                          \
    va_start(rest, which);                                                                                 \
    void* value = va_arg(rest, void*);                                                                     \
    va_end(rest);                                                                                          \
    return forwarded(target, which, value);                                                                \
  }

extern "C" {
FORWARD(CURLcode, curl_global_init, (long flags), (flags))
FORWARD(CURL*, curl_easy_init, (), ())
FORWARD(void, curl_easy_cleanup, (CURL * easy), (easy))
FORWARD(void, curl_easy_reset, (CURL * easy), (easy))
FORWARD(CURLcode, curl_easy_pause, (CURL * easy, int mask), (easy, mask))
FORWARD(const char*, curl_easy_strerror, (CURLcode code), (code))
FORWARD_OPTION(CURLcode, curl_easy_setopt, CURL, CURLoption)
FORWARD_OPTION(CURLcode, curl_easy_getinfo, CURL, CURLINFO)
FORWARD(CURLM*, curl_multi_init, (), ())
FORWARD(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))
FORWARD(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL* easy), (multi, easy))
FORWARD(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL* easy), (multi, easy))
FORWARD(CURLMcode, curl_multi_perform, (CURLM * multi, int* running), (multi, running))
FORWARD(CURLMcode, curl_multi_poll, (CURLM * multi, curl_waitfd* extra, unsigned count, int timeout, int* ready),
        (multi, extra, count, timeout, ready))
FORWARD(CURLMsg*, curl_multi_info_read, (CURLM * multi, int* left), (multi, left))
FORWARD_OPTION(CURLMcode, curl_multi_setopt, CURLM, CURLMoption)
FORWARD(curl_slist*, curl_slist_append, (curl_slist * list, const char* text), (list, text))
FORWARD(void, curl_slist_free_all, (curl_slist * list), (list))
}
