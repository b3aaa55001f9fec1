#pragma once

// ANTIPHON_TEST_SANITIZED where a sanitizer watches, which is slow and has memory of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ANTIPHON_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ANTIPHON_TEST_SANITIZED
#endif
#endif

namespace support {

#ifdef ANTIPHON_TEST_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

}  // namespace support
