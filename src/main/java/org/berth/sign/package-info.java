/**
 * Signatures of SIF files: what is signed, the two forms of a signature (OpenPGP clear text and DSSE), and the OpenPGP
 * keyrings.
 *
 * <p>The cryptography is Bouncy Castle's lightweight interface; only {@code sign}, {@code verify}, {@code key} and a site's
 * execution control load it.
 */
@NullMarked
package org.berth.sign;

import org.jspecify.annotations.NullMarked;
