package org.berth.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cache.Cache;
import org.berth.cache.CacheCleaning;
import org.berth.cache.CacheReport;
import org.berth.cache.CacheType;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.Host;

/** {@code cache list} and {@code cache clean}. */
final class CacheCommand {
    private final Invocation invocation;
    private final Host host;
    private final Messages messages;

    CacheCommand(Invocation invocation, Host host, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
    }

    int run() {
        Cache cache = switch (Cache.open(Pulling.cacheDirectory(host))) {
            case Cache.Opened.Usable(Cache usable) -> usable;
            case Cache.Opened.Unusable(String reason) -> throw new HostException(reason);
        };
        try {
            if (invocation.command().shortName().equals("list")) {
                list(cache);
            } else {
                clean(cache);
            }
        } catch (IOException e) {
            throw new HostException("could not read the cache: " + Host.reason(e), e);
        }
        return Program.SUCCESS;
    }

    private void list(Cache cache) throws IOException {
        CacheReport report = cache.report(types());
        if (invocation.flag("verbose")) {
            report.table(ZoneId.systemDefault()).forEach(System.out::println);
        }
        report.summary().forEach(System.out::println);
    }

    private void clean(Cache cache) throws IOException {
        CacheCleaning cleaning = cache.cleaning(types(), days());
        boolean dryRun = invocation.flag("dry-run");
        if (dryRun) {
            System.out.println("User requested a dry run. Not actually deleting any data!");
        } else if (!invocation.flag("force") && !confirmed()) {
            messages.info("Handle cleanup canceled");
            return;
        }
        for (CacheCleaning.Step step : cleaning.steps()) {
            messages.info(step.message());
            if (!dryRun) {
                step.perform();
            }
        }
    }

    private static boolean confirmed() throws IOException {
        System.out.println("This will delete everything in your cache (containers from all sources and OCI blobs).");
        System.out.println(
                "Hint: You can see exactly what would be deleted by canceling and using the --dry-run option.");
        System.out.print("Do you want to continue? [y/N] ");
        System.out.flush();
        String answer = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
        if (answer == null) {
            System.out.println();
            throw new HostException("could not read user's input: end of file").hint("--force does not ask");
        }
        return answer.strip().equalsIgnoreCase("y") || answer.strip().equalsIgnoreCase("yes");
    }

    private List<CacheType> types() {
        List<CacheType> types = new ArrayList<>();
        for (String name : invocation.values("type")) {
            if (name.equals("all")) {
                return List.of(CacheType.values());
            }
            types.add(CacheType.of(name)
                    .orElseThrow(() -> new UsageException("'%s' is not a part of the cache".formatted(name))
                            .hint("the parts are library, oci-tmp, shub, blob, net, oras, ipfs and all")));
        }
        return types.isEmpty() ? List.of(CacheType.values()) : types;
    }

    private Optional<Integer> days() {
        return invocation.value("days").map(text -> {
            if (!text.matches("[0-9]{1,6}")) {
                throw new UsageException("--days %s: not a number of days".formatted(text));
            }
            return Integer.parseInt(text);
        });
    }
}
