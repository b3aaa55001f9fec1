#pragma once

// ANTIPHON_TEST_SANITIZED where a sanitizer watches, which is slow and has memory of its own;
// ANTIPHON_TEST_ADDRESSES where it is the one of addresses, ANTIPHON_TEST_THREADS where it is that of
// threads.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ANTIPHON_TEST_ADDRESSES
#elif __has_feature(thread_sanitizer)
#define ANTIPHON_TEST_THREADS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ANTIPHON_TEST_ADDRESSES
#elif defined(__SANITIZE_THREAD__)
#define ANTIPHON_TEST_THREADS
#endif
#if defined(ANTIPHON_TEST_ADDRESSES) || defined(ANTIPHON_TEST_THREADS)
#define ANTIPHON_TEST_SANITIZED
#endif

namespace support {

#ifdef ANTIPHON_TEST_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

#ifdef ANTIPHON_TEST_THREADS
constexpr bool threads_sanitized = true;
#else
constexpr bool threads_sanitized = false;
#endif

}  // namespace support
