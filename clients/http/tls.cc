#include <memory>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "clients/http/connection.h"

namespace vmha::http {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio reader(const std::string& text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free}; }

/// A key with a passphrase must fail, not ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const Bio bio = reader(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, &no_passphrase, nullptr)) certificates.emplace_back(certificate, &X509_free);
  // The end of the text is an error to OpenSSL, too; anything else means that a block is damaged and the chain would be incomplete.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) certificates.clear();
  ERR_clear_error();
  return certificates;
}

Result<Done> trust(SSL_CTX* context, const std::string& ca_pem) {
  if (ca_pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) return fail(ErrorKind::kInvalid, "the system's trust store cannot be read");
    return Done{};
  }
  const auto certificates = read_certificates(ca_pem);
  if (certificates.empty()) return fail(ErrorKind::kInvalid, "the CA certificate is not PEM text (-----BEGIN CERTIFICATE-----)");
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& certificate : certificates) X509_STORE_add_cert(store, certificate.get());
  // As in client-go: whatever is named here is trusted, also an intermediate or a controller's own certificate.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return Done{};
}

Result<Done> identify(SSL_CTX* context, const Tls& tls) {
  if (tls.client_cert_pem.empty() && tls.client_key_pem.empty()) return Done{};
  if (tls.client_cert_pem.empty() || tls.client_key_pem.empty()) {
    return fail(ErrorKind::kInvalid, "a client certificate and its key must be given together");
  }
  const auto certificates = read_certificates(tls.client_cert_pem);
  if (certificates.empty()) return fail(ErrorKind::kInvalid, "the client certificate is not PEM text (-----BEGIN CERTIFICATE-----)");
  const Bio bio = reader(tls.client_key_pem);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr), &EVP_PKEY_free);
  if (!key) return fail(ErrorKind::kInvalid, "the client key is not PEM text without a passphrase (-----BEGIN PRIVATE KEY-----)");
  if (SSL_CTX_use_certificate(context, certificates[0].get()) != 1) return fail(ErrorKind::kInvalid, "the client certificate cannot be used");
  for (std::size_t i = 1; i < certificates.size(); ++i) SSL_CTX_add1_chain_cert(context, certificates[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorKind::kInvalid, "the client key does not belong to the client certificate");
  }
  return Done{};
}

}  // namespace

Result<TlsContext> make_tls_context(const Tls& tls) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context) return fail(ErrorKind::kUnavailable, "OpenSSL gave no TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), tls.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (!tls.insecure_skip_verify) {
    if (const auto trusted = trust(context.get(), tls.ca_pem); !trusted) return tl::unexpected(trusted.error());
  }
  if (const auto identified = identify(context.get(), tls); !identified) {
    ERR_clear_error();
    return tl::unexpected(identified.error());
  }
  return context;
}

}  // namespace vmha::http
