#include "base/failure.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace limpet::base {
namespace {

TEST(Failure, SaysWhoseDoingItWas) {
  EXPECT_EQ((Failure{FailureKind::kRefused, Side::kServer, ECONNREFUSED}).text(),
            "server refused the connection (ECONNREFUSED)");
  EXPECT_EQ((Failure{FailureKind::kTimeout, Side::kClient, 0}).text(), "client did not answer in time");
  EXPECT_EQ((Failure{FailureKind::kNoDescriptors, Side::kOwn, EMFILE}).text(),
            "limpet has no file descriptor left (EMFILE)");
  EXPECT_EQ((Failure{FailureKind::kSystem, Side::kOwn, 99999}).text(), "limpet failed (errno 99999)");
}

TEST(Failure, HasAWordForEveryKind) {
  EXPECT_EQ((Failure{FailureKind::kClosed, Side::kServer, 0}).text(), "server closed the connection early");
  EXPECT_EQ((Failure{FailureKind::kReset, Side::kServer, 0}).text(), "server reset the connection");
  EXPECT_EQ((Failure{FailureKind::kUnreachable, Side::kServer, 0}).text(), "server is unreachable");
  EXPECT_EQ((Failure{FailureKind::kCancelled, Side::kServer, 0}).text(), "server was given up");
  EXPECT_EQ((Failure{FailureKind::kProtocol, Side::kClient, 0}).text(), "client broke the protocol");
  EXPECT_EQ((Failure{FailureKind::kTooLarge, Side::kClient, 0}).text(), "client sent too much");
}

TEST(FailureFromErrno, KnowsTheErrorsOfSockets) {
  const auto kind = [](int code) { return failure_from_errno(code, Side::kServer).kind; };
  EXPECT_EQ(kind(ECONNREFUSED), FailureKind::kRefused);
  EXPECT_EQ(kind(ENOENT), FailureKind::kRefused);
  EXPECT_EQ(kind(ECONNRESET), FailureKind::kReset);
  EXPECT_EQ(kind(EPIPE), FailureKind::kReset);
  EXPECT_EQ(kind(EHOSTUNREACH), FailureKind::kUnreachable);
  EXPECT_EQ(kind(ENETUNREACH), FailureKind::kUnreachable);
  EXPECT_EQ(kind(ETIMEDOUT), FailureKind::kTimeout);
  EXPECT_EQ(kind(ECANCELED), FailureKind::kCancelled);
  EXPECT_EQ(kind(EINVAL), FailureKind::kSystem);
}

TEST(FailureFromErrno, BlamesNoPeerForMissingDescriptors) {
  EXPECT_EQ(failure_from_errno(EMFILE, Side::kServer),
            (Failure{FailureKind::kNoDescriptors, Side::kOwn, EMFILE}));
  EXPECT_EQ(failure_from_errno(ENFILE, Side::kClient).side, Side::kOwn);
  EXPECT_EQ(failure_from_errno(EPIPE, Side::kClient), (Failure{FailureKind::kReset, Side::kClient, EPIPE}));
}

}  // namespace
}  // namespace limpet::base
