package org.berth.instance;

import java.nio.file.Path;
import java.util.Optional;

/**
 * The image below a kept container.
 *
 * @param reference what names it for good: {@code docker://NAME@DIGEST}, or the absolute path of a file or directory
 * @param called what the user calls it
 * @param file the file or directory that was mounted; absent for one that was fetched for one launch only
 * @param size of the file in bytes; 0 for a directory
 * @param modifiedNanos the file's time of last change, since the epoch; 0 for a directory
 */
public record KeptImage(String reference, String called, Optional<Path> file, long size, long modifiedNanos) {}
