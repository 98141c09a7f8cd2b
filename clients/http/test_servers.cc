#include "clients/http/test_servers.h"

#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>

namespace vmha::http::test {

namespace {

X509* read_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

EVP_PKEY* read_key(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

int listen_on_loopback(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 16) != 0) throw std::runtime_error("listen");
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

void Signal::set() {
  {
    const std::lock_guard lock(mutex_);
    set_ = true;
  }
  changed_.notify_all();
}

bool Signal::wait_for(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return set_; });
}

TlsServer::TlsServer(const KeyPair& identity, const std::string& client_ca_pem) {
  X509* certificate = read_certificate(identity.cert_pem);
  EVP_PKEY* key = read_key(identity.key_pem);
  X509_STORE* clients = nullptr;  // the server's TLS context takes it over
  if (!client_ca_pem.empty()) {
    clients = X509_STORE_new();
    X509* ca = read_certificate(client_ca_pem);
    X509_STORE_add_cert(clients, ca);
    X509_free(ca);
  }
  server_ = std::make_unique<httplib::SSLServer>(certificate, key, clients);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!server_->is_valid()) throw std::runtime_error("TLS server");
  server_->new_task_queue = [] { return new httplib::ThreadPool(24); };
}

void TlsServer::start() {
  port_ = server_->bind_to_any_port("127.0.0.1");
  if (port_ <= 0) throw std::runtime_error("bind");
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::yield();
}

TlsServer::~TlsServer() {
  stopping.set();
  if (!thread_.joinable()) return;
  server_->stop();
  thread_.join();
}

RawServer::RawServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
  listener_ = listen_on_loopback(port_);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

RawServer::~RawServer() {
  stopping.set();
  thread_.request_stop();
  thread_.join();
  ::close(listener_);
}

void RawServer::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd entry{listener_, POLLIN, 0};
    if (::poll(&entry, 1, 20) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const auto index = static_cast<std::size_t>(accepted_++);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};  // a script must not outlive a broken test
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (index < scripts_.size()) scripts_[index](fd);
    ::close(fd);
  }
}

int closed_port() {
  int port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

std::string read_request(int fd) {
  std::string text;
  char byte = 0;
  while (text.find("\r\n\r\n") == std::string::npos && ::recv(fd, &byte, 1, 0) == 1) text += byte;
  if (const auto at = text.find("Content-Length: "); at != std::string::npos) {
    const auto wanted = text.find("\r\n\r\n") + 4 + std::strtoul(text.c_str() + at + 16, nullptr, 10);
    while (text.size() < wanted && ::recv(fd, &byte, 1, 0) == 1) text += byte;
  }
  return text;
}

bool say(int fd, const std::string& text) { return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }

}  // namespace vmha::http::test
