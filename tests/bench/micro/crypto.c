/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto.c: `crypto ROW [PERCENT]`: fixed work in OpenSSL's libcrypto, which chooses its code by what the processor
 * can; prints the line that `micro` prints.
 */
#include <inttypes.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 16384 };
static unsigned char in[CHUNK], out[CHUNK + 32], tag[64];

static void must(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "crypto: libcrypto refused\n");
    exit(1);
}

static void cipher(const EVP_CIPHER *c, uint64_t work)
{
    static const unsigned char key[32] = "a key for measuring", iv[16] = "once";
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n, aead = EVP_CIPHER_flags(c) & EVP_CIPH_FLAG_AEAD_CIPHER ? 1 : 0;
    while (work--) {
        must(EVP_EncryptInit_ex(ctx, c, NULL, key, iv));
        must(EVP_EncryptUpdate(ctx, out, &n, in, CHUNK));
        must(EVP_EncryptFinal_ex(ctx, out + n, &n));
        if (aead)
            must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
        memcpy(in, out, 64);
    }
    EVP_CIPHER_CTX_free(ctx);
}

static void digest(const EVP_MD *md, uint64_t work)
{
    while (work--) {
        must(EVP_Digest(in, CHUNK, tag, NULL, md, NULL));
        memcpy(in, tag, 20);
    }
}

/* The heart of an RSA signature: a constant-time power modulo 2048 bits. */
static void power(uint64_t work)
{
    unsigned char bytes[256];
    BN_CTX *ctx = BN_CTX_new();
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 73 + 129);
    BIGNUM *m = BN_bin2bn(bytes, 256, NULL), *e = BN_bin2bn(bytes, 256, NULL), *b = BN_bin2bn(bytes + 8, 200, NULL);
    BN_set_bit(m, 0);
    while (work--) {
        must(BN_mod_exp_mont_consttime(b, b, e, m, ctx, NULL));
    }
    BN_bn2bin(b, out);
    BN_free(m);
    BN_free(e);
    BN_free(b);
    BN_CTX_free(ctx);
}

static void ed25519(uint64_t work)
{
    size_t n = sizeof(tag);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, in, 32);
    must(key != NULL);
    while (work--) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        must(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key));
        must(EVP_DigestSign(ctx, tag, &n, in, 64));
        memcpy(in, tag, 32);
        EVP_MD_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
}

static int run(const char *row, uint64_t percent)
{
    if (!strcmp(row, "aes-gcm"))
        cipher(EVP_aes_256_gcm(), 150 * percent);
    else if (!strcmp(row, "aes-cbc"))
        cipher(EVP_aes_128_cbc(), 100 * percent);
    else if (!strcmp(row, "chacha20"))
        cipher(EVP_chacha20_poly1305(), 100 * percent);
    else if (!strcmp(row, "sha256"))
        digest(EVP_sha256(), 80 * percent);
    else if (!strcmp(row, "sha512"))
        digest(EVP_sha512(), 40 * percent);
    else if (!strcmp(row, "md5"))
        digest(EVP_md5(), 40 * percent);
    else if (!strcmp(row, "rsa"))
        power(percent);
    else if (!strcmp(row, "ed25519"))
        ed25519(20 * percent);
    else
        return 2;
    return 0;
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t percent = argc > 2 ? strtoul(argv[2], NULL, 10) : 100, sum = 0;
    must(EVP_Digest(in, 1, tag, NULL, EVP_sha256(), NULL)); /* what libcrypto does once */
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    if (argc < 2 || run(argv[1], percent)) {
        fprintf(stderr, "usage: crypto aes-gcm|aes-cbc|chacha20|sha256|sha512|md5|rsa|ed25519 [PERCENT]\n");
        return 2;
    }
    wall = now(CLOCK_MONOTONIC) - wall;
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    for (size_t i = 0; i < 256; i++)
        sum = (sum ^ out[i] ^ (i < sizeof(tag) ? tag[i] : 0)) * 0x100000001b3u;
    printf("%s %.6f %.6f %016" PRIx64 "\n", argv[1], wall, cpu, sum);
    return 0;
}
