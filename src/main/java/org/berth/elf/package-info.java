/** ELF files: what the dynamic linker would ask of a shared object, read without running or loading it. */
@NullMarked
package org.berth.elf;

import org.jspecify.annotations.NullMarked;
