package org.berth.sign;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.function.Supplier;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.RSAPrivateKey;
import org.bouncycastle.asn1.sec.ECPrivateKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.params.RSAKeyParameters;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.crypto.util.PublicKeyFactory;
import org.bouncycastle.util.encoders.DecoderException;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;

/** Keys in PEM files: RSA, ECDSA and Ed25519, as openssl writes them. */
public final class PemKeys {
    private static final long MAX_SIZE = 1 << 16;

    private PemKeys() {}

    /**
     * A private key: PKCS#8, also with a passphrase, or an older form of RSA and EC keys.
     *
     * @param passphrase is asked for only if the key is encrypted
     * @throws HostException if the file cannot be read
     * @throws UsageException if it holds no such key, or the passphrase is wrong
     */
    public static Signer signer(Path path, String shown, Supplier<char[]> passphrase) {
        PemObject pem = read(path, shown);
        try {
            PrivateKeyInfo key = switch (pem.getType()) {
                case "PRIVATE KEY" -> PrivateKeyInfo.getInstance(pem.getContent());
                case "ENCRYPTED PRIVATE KEY" ->
                    PrivateKeyInfo.getInstance(decrypted(pem.getContent(), passphrase.get(), shown));
                case "RSA PRIVATE KEY" ->
                    new PrivateKeyInfo(
                            new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption),
                            RSAPrivateKey.getInstance(pem.getContent()));
                case "EC PRIVATE KEY" -> {
                    ECPrivateKey key_ = ECPrivateKey.getInstance(pem.getContent());
                    yield new PrivateKeyInfo(
                            new AlgorithmIdentifier(X9ObjectIdentifiers.id_ecPublicKey, key_.getParametersObject()),
                            key_);
                }
                default -> throw unknown(shown, pem.getType(), "private");
            };
            return new PemSigner(PrivateKeyFactory.createKey(key));
        } catch (BerthException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // The library has an exception of its own for each way of being damaged, and lacks some.
            throw damaged(shown, e);
        }
    }

    /**
     * A public key.
     *
     * @throws HostException if the file cannot be read
     * @throws UsageException if it holds no such key
     */
    public static KeyMaterial.Pem verifier(Path path, String shown) {
        PemObject pem = read(path, shown);
        try {
            AsymmetricKeyParameter key = switch (pem.getType()) {
                case "PUBLIC KEY" -> PublicKeyFactory.createKey(pem.getContent());
                case "RSA PUBLIC KEY" -> {
                    var rsa = org.bouncycastle.asn1.pkcs.RSAPublicKey.getInstance(pem.getContent());
                    yield new RSAKeyParameters(false, rsa.getModulus(), rsa.getPublicExponent());
                }
                default -> throw unknown(shown, pem.getType(), "public");
            };
            return new KeyMaterial.Pem(key);
        } catch (BerthException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // The library has an exception of its own for each way of being damaged, and lacks some.
            throw damaged(shown, e);
        }
    }

    private static PemObject read(Path path, String shown) {
        try {
            if (Files.size(path) > MAX_SIZE) {
                throw new UsageException("%s: too large for a key".formatted(shown));
            }
            String text = Files.readString(path, StandardCharsets.ISO_8859_1);
            try (PemReader reader = new PemReader(new StringReader(text))) {
                PemObject pem = reader.readPemObject();
                if (pem == null) {
                    throw new UsageException("%s: holds no key in PEM format".formatted(shown));
                }
                if (!pem.getHeaders().isEmpty()) {
                    throw new UsageException("%s: keys encrypted in the old way are not read".formatted(shown))
                            .hint("openssl pkcs8 -topk8 -in OLD -out NEW converts it");
                }
                return pem;
            }
        } catch (NoSuchFileException e) {
            throw new HostException("open %s: no such file or directory".formatted(shown), e);
        } catch (IOException e) {
            throw new HostException("open %s: %s".formatted(shown, e.getMessage()), e);
        } catch (DecoderException e) {
            throw damaged(shown, e);
        }
    }

    private static byte[] decrypted(byte[] content, char[] passphrase, String shown) throws IOException {
        EncryptedPrivateKeyInfo info = new EncryptedPrivateKeyInfo(content);
        // The JDK tells the scheme of PBES2 only as the text of its parameters.
        String scheme = info.getAlgName().equals("PBES2") && info.getAlgParameters() != null
                ? info.getAlgParameters().toString()
                : info.getAlgName();
        try {
            Cipher cipher = Cipher.getInstance(scheme);
            cipher.init(
                    Cipher.DECRYPT_MODE,
                    SecretKeyFactory.getInstance(scheme).generateSecret(new PBEKeySpec(passphrase)),
                    info.getAlgParameters());
            return info.getKeySpec(cipher).getEncoded();
        } catch (GeneralSecurityException e) {
            throw new UsageException("%s: cannot be decrypted with this passphrase".formatted(shown));
        }
    }

    private static UsageException unknown(String shown, String type, String wanted) {
        return new UsageException("%s: a %s, not a %s key".formatted(shown, type, wanted))
                .hint("RSA, ECDSA and Ed25519 keys in PEM format are read");
    }

    private static UsageException damaged(String shown, Exception e) {
        return new UsageException("%s: cannot be read as a key: %s".formatted(shown, e.getMessage()));
    }
}
