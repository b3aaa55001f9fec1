#pragma once

#include <boost/describe/class.hpp>

#include <string>

// What the coordinator and its workers say to each other.

struct work_order {
  std::string item;
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(work_order, (), (item, count))

struct finished_work {
  std::string worker;
  int made = 0;
};
BOOST_DESCRIBE_STRUCT(finished_work, (), (worker, made))
