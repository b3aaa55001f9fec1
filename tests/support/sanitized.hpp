#pragma once

// ANTIPHON_TEST_SANITIZED where a sanitizer watches, which is slow and has memory of its own;
// ANTIPHON_TEST_ADDRESSES where it is the one of addresses.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ANTIPHON_TEST_ADDRESSES
#elif __has_feature(thread_sanitizer)
#define ANTIPHON_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ANTIPHON_TEST_ADDRESSES
#elif defined(__SANITIZE_THREAD__)
#define ANTIPHON_TEST_SANITIZED
#endif
#ifdef ANTIPHON_TEST_ADDRESSES
#define ANTIPHON_TEST_SANITIZED
#endif

namespace support {

#ifdef ANTIPHON_TEST_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

}  // namespace support
