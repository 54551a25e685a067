package org.berth.gather;

import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuFacts;
import org.berth.devices.GpuReader;
import org.berth.devices.GpuRequest;
import org.berth.devices.GpuRequest.Audience;
import org.berth.devices.GpuRequest.Wish;
import org.berth.devices.ImageLibraries;
import org.berth.host.Host;
import org.berth.image.RunnableImage;

/** The GPUs of a launch: what was asked for, and what is there, on the host and in the image. */
public final class Gpus {
    private Gpus() {}

    /** By the options, the site's settings, and by Slurm for a step that was given GPUs. */
    static GpuRequest request(Invocation invocation, Host host, SiteConfig site, Audience audience) {
        boolean offNvidia = invocation.flag("no-nv");
        boolean offAmd = invocation.flag("no-rocm");
        boolean nvidia = !offNvidia && (invocation.flag("nv") || site.gpus().alwaysNvidia());
        boolean amd = !offAmd && (invocation.flag("rocm") || site.gpus().alwaysAmd());
        Wish other = site.gpus().inSteps() && GpuReader.inStepWithGpus(host) ? Wish.AUTO : Wish.NO;
        return new GpuRequest(
                nvidia ? Wish.YES : offNvidia ? Wish.NO : other,
                amd ? Wish.YES : offAmd ? Wish.NO : other,
                other,
                audience);
    }

    public static GpuFacts facts(Host host, GpuRequest request, SiteConfig site, RunnableImage image) {
        return GpuReader.read(
                host,
                request,
                site.gpus(),
                () -> ImageFiles.of(host, image.rootfs(), ImageLibraries::of, ImageLibraries.UNKNOWN));
    }
}
