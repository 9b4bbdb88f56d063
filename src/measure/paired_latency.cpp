#include "measure/paired_latency.h"

#include <chrono>

namespace hone {

namespace {
double microseconds_of(Session& session, std::span<const Tensor> inputs) {
  const auto start = std::chrono::steady_clock::now();
  session.run(inputs);
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}
}  // namespace

std::vector<Distribution> paired_latency(std::span<Session* const> sessions,
                                         std::span<const std::vector<Tensor>> inputs,
                                         const PairedLatencyOptions& options) {
  constexpr int kWarmUp = 2;
  std::vector<std::vector<double>> times(sessions.size());
  for (size_t m = 0; m < sessions.size(); ++m)
    for (int i = 0; i < kWarmUp; ++i) microseconds_of(*sessions[m], inputs[m]);
  const double slice = options.seconds_each * 1e6 / static_cast<double>(options.rounds);
  for (int64_t round = 0; round < options.rounds; ++round) {
    for (size_t m = 0; m < sessions.size(); ++m) {
      double spent = 0;
      do {
        times[m].push_back(microseconds_of(*sessions[m], inputs[m]));
        spent += times[m].back();
      } while (spent < slice);
    }
    if (options.progress) options.progress(round + 1, options.rounds);
  }
  std::vector<Distribution> result;
  for (std::vector<double>& t : times) result.push_back(distribution_of(std::move(t)));
  return result;
}

}  // namespace hone
