#pragma once

// Everything. Include the single headers instead where compile time counts.

#include <antiphon/batch.hpp>
#include <antiphon/call_context.hpp>
#include <antiphon/delivery.hpp>
#include <antiphon/discovery.hpp>
#include <antiphon/endpoint.hpp>
#include <antiphon/method_statistics.hpp>
#include <antiphon/middleware.hpp>
#include <antiphon/middleware/authentication.hpp>
#include <antiphon/middleware/concurrency_limit.hpp>
#include <antiphon/middleware/exception_mapping.hpp>
#include <antiphon/middleware/sampling.hpp>
#include <antiphon/middleware/shared_secret.hpp>
#include <antiphon/middleware/timing.hpp>
#include <antiphon/middleware/tracing.hpp>
#include <antiphon/router.hpp>
#include <antiphon/rpc_error.hpp>
#include <antiphon/run_main.hpp>
#include <antiphon/serve.hpp>
#include <antiphon/stall_report.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/transport/child_process.hpp>
#include <antiphon/transport/memory_pipe.hpp>
#include <antiphon/transport/process_end.hpp>
#include <antiphon/transport/stdio.hpp>
#include <antiphon/transport/tcp.hpp>
#include <antiphon/transport/unix_socket.hpp>
