#pragma once

#include <string>

/// Serves standard input and output until its end. What main returns.
int run_worker(std::string name);
