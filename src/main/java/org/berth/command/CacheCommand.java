package org.berth.command;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.berth.cache.Cache;
import org.berth.cache.CacheCleaning;
import org.berth.cache.CacheCollection;
import org.berth.cache.CacheLimits;
import org.berth.cache.CacheReport;
import org.berth.cache.CacheType;
import org.berth.cache.CacheVerification;
import org.berth.cache.StagedImages;
import org.berth.cache.Uses;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.ByteAmount;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.Reason;
import org.berth.gather.EndedJobs;
import org.berth.gather.ImageName;
import org.berth.gather.Places;
import org.berth.gather.Pulling;
import org.berth.host.ByteSize;
import org.berth.host.Host;
import org.berth.place.Candidate;
import org.berth.place.Placement;
import org.berth.place.Role;
import org.berth.resolve.Puller;
import org.berth.terminal.Messages;

/** {@code cache …}: what is kept, where, and for how long. */
final class CacheCommand {
    private static final String DRY_RUN = "User requested a dry run. Not actually deleting any data!";

    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;
    private final Places places;

    CacheCommand(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
        this.places = new Places(invocation, host, site);
    }

    int run() {
        try {
            switch (invocation.command().shortName()) {
                case "where" -> where();
                case "list" -> list(cache());
                case "clean" -> clean(cache());
                case "gc" -> collect(limits());
                case "verify" -> verify();
                case "pin" -> pin();
                default -> unpin();
            }
        } catch (IOException e) {
            throw new HostException("could not read the cache: " + Reason.of(e), e);
        }
        return ExitStatus.SUCCESS;
    }

    /** The cache that is meant; a store that was named and cannot be used is refused, lest another one be cleaned in its place. */
    private Cache cache() {
        if (invocation.value("store").isPresent()) {
            places.refusalOfStore().ifPresent(reason -> {
                throw new HostException("the cache of the store is not to be used: " + reason);
            });
        }
        places.tellOfRefused(new TerminalListener(messages));
        Path directory = places.cacheDirectory()
                .orElseThrow(() -> new HostException("there is no cache to be used: "
                                + places.placement(Role.IMAGES).objections())
                        .hint("APPTAINER_CACHEDIR names another place"));
        return switch (Cache.open(directory, places.owners())) {
            case Cache.Opened.Usable(Cache usable) -> usable;
            case Cache.Opened.Unusable(String reason) -> throw new HostException(reason);
        };
    }

    /** The copies of images on this node (docs/slurm.md), by the directories that they are in. */
    private Map<Path, Cache> staged() {
        Map<Path, Cache> found = new LinkedHashMap<>();
        for (Candidate candidate : places.candidates(Role.STAGE)) {
            candidate.path().filter(host::isDirectory).flatMap(this::staged).ifPresent(root -> {
                if (Cache.open(root, places.owners()) instanceof Cache.Opened.Usable(Cache cache)) {
                    found.put(root, cache);
                }
            });
        }
        return found;
    }

    private Optional<Path> staged(Path base) {
        try {
            return StagedImages.root(base, places.owners());
        } catch (IOException e) {
            messages.warning("the copies in %s are passed over: %s".formatted(base, Reason.of(e)));
            return Optional.empty();
        }
    }

    private void where() {
        Optional<Role> asked = invocation.operands().stream()
                .findFirst()
                .map(word -> Role.of(word)
                        .orElseThrow(() -> new UsageException("'%s' is nothing that is kept".formatted(word))
                                .hint("the words are blobs, images, tmp, upper, run and stage")));
        for (Role role : asked.map(List::of).orElseGet(() -> List.of(Role.values()))) {
            Placement placement = places.placement(role);
            if (invocation.flag("explain")) {
                explain(placement);
            } else if (asked.isPresent()) {
                System.out.println(placement
                        .path()
                        .orElseThrow(() -> new HostException(
                                "there is no place for %s%s".formatted(role.word(), because(placement)))));
            } else {
                System.out.println("%-7s %s"
                        .formatted(
                                role.word(),
                                placement.path().map(Path::toString).orElse("-")));
            }
        }
    }

    private static String because(Placement placement) {
        return placement.judgements().isEmpty() ? "" : ": " + placement.objections();
    }

    private void explain(Placement placement) {
        System.out.println("%s: %s"
                .formatted(
                        placement.role().word(),
                        placement.path().map(Path::toString).orElse("none")));
        for (Placement.Judgement judgement : placement.judgements()) {
            Candidate candidate = judgement.candidate();
            String reason = judgement.reason();
            if (reason.equals(Placement.ONLY)) {
                reason +=
                        ", " + places.remark(placement.role(), candidate.path().orElseThrow());
            }
            System.out.println("  %-7s %s (%s): %s"
                    .formatted(word(judgement.verdict()), candidate.text(), candidate.origin(), reason));
        }
    }

    private static String word(Placement.Verdict verdict) {
        return switch (verdict) {
            case TAKEN -> "taken";
            case REFUSED, DISTRUSTED -> "refused";
            case PASSED_OVER -> "passed";
        };
    }

    private CacheLimits limits() {
        CacheLimits limits = new CacheLimits(
                limit("max-bytes", "a size, such as 500M or 20G", site.places().cacheMaxBytes()),
                limit("max-files", "a number of files", site.places().cacheMaxFiles()));
        if (limits.bytes().isEmpty() && limits.files().isEmpty()) {
            throw new UsageException("how much is to be left in the cache?")
                    .hint("--max-bytes 20G or --max-files 1000; the site has set no limit");
        }
        return limits;
    }

    private OptionalLong limit(String option, String wanted, OptionalLong otherwise) {
        Optional<String> text = invocation.value(option);
        if (text.isEmpty()) {
            return otherwise;
        }
        return OptionalLong.of(ByteAmount.parse(text.get())
                .orElseThrow(() -> new UsageException("--%s %s: not %s".formatted(option, text.get(), wanted))));
    }

    /** The limits are those of the cache, and of the copies on this node too. */
    private void collect(CacheLimits limits) throws IOException {
        boolean dryRun = invocation.flag("dry-run");
        if (dryRun) {
            System.out.println(DRY_RUN);
        }
        collect(cache(), limits, dryRun, "");
        for (Map.Entry<Path, Cache> staged : staged().entrySet()) {
            collect(staged.getValue(), limits, dryRun, staged.getKey() + ": ");
        }
    }

    private void collect(Cache cache, CacheLimits limits, boolean dryRun, String where) throws IOException {
        if (!dryRun) {
            EndedJobs.release(cache.uses(), host);
            cache.sweep();
        }
        CacheCollection collection = cache.collection(limits);
        List<String> reasons = new ArrayList<>();
        collection.kept().forEach(item -> reasons.add(item.reason().orElseThrow()));
        long bytes = 0;
        long files = 0;
        for (CacheCollection.Item item : collection.removed()) {
            messages.info(item.message());
            Optional<String> stays = dryRun ? Optional.empty() : CacheCollection.remove(item, cache.uses());
            if (stays.isPresent()) {
                reasons.add(stays.get());
            } else {
                bytes += item.bytes();
                files++;
            }
        }
        long bytesLeft = collection.bytes() + total(collection) - bytes;
        long filesLeft = collection.files() + collection.removed().size() - files;
        System.out.println("%s%s %d file(s), %s; %d file(s), %s are left"
                .formatted(
                        where,
                        dryRun ? "Would remove" : "Removed",
                        files,
                        ByteSize.text(bytes),
                        filesLeft,
                        ByteSize.text(bytesLeft)));
        if (!limits.allow(bytesLeft, filesLeft)) {
            messages.warning(where + "the cache is above its limit, as some files have to stay: " + counted(reasons));
        }
    }

    private static long total(CacheCollection collection) {
        return collection.removed().stream()
                .mapToLong(CacheCollection.Item::bytes)
                .sum();
    }

    /** {@code 2 pinned, 1 open in a process of this machine}. */
    private static String counted(List<String> reasons) {
        return reasons.stream()
                .distinct()
                .map(reason -> "%d %s"
                        .formatted(reasons.stream().filter(reason::equals).count(), reason))
                .collect(Collectors.joining(", "));
    }

    private void verify() throws IOException {
        List<Cache> caches = new ArrayList<>(List.of(cache()));
        caches.addAll(staged().values());
        int damaged = 0;
        int files = 0;
        long bytes = 0;
        for (Cache cache : caches) {
            for (CacheType type : types()) {
                for (Path file : cache.files(type)) {
                    files++;
                    bytes += file.toFile().length();
                    damaged += isDamaged(type, file) ? 1 : 0;
                }
            }
        }
        if (damaged > 0) {
            throw new HostException("%d of %d file(s) in the cache were damaged".formatted(damaged, files))
                    .hint("they are removed, and fetched or made anew when they are needed");
        }
        System.out.println("%d file(s), %s: all are as they were made".formatted(files, ByteSize.text(bytes)));
    }

    private boolean isDamaged(CacheType type, Path file) {
        Optional<String> damage = CacheVerification.damage(type, file);
        if (damage.isPresent()) {
            CacheVerification.remove(file);
            messages.warning("%s %s is damaged and has been removed: %s"
                    .formatted(type.word(), file.getFileName(), damage.get()));
        }
        return damage.isPresent();
    }

    private void pin() throws IOException {
        if (invocation.operands().isEmpty()) {
            for (Uses.Pin pin : cache().uses().pinned()) {
                System.out.println("%s %s".formatted(pin.entry().name(), pin.image()));
            }
            return;
        }
        Pulling pulling = new Pulling(invocation, host, site, new TerminalListener(messages));
        for (String image : invocation.operands()) {
            Puller.PulledImage pulled = switch (ImageName.parse(image)) {
                case ImageName.LocalPath(String path) ->
                    throw new UsageException("%s is a file, and not in the cache".formatted(path))
                            .hint("images of registries and archives are, such as docker://alpine");
                case ImageName.Distant distant -> pulling.acquire(distant);
            };
            Uses.Entry entry = Optional.of(pulled.file())
                    .filter(file -> !pulled.temporary())
                    .flatMap(
                            file -> Uses.entry(pulling.places().cacheDirectory().orElseThrow(), file))
                    .orElseThrow(() -> new HostException("%s is not in the cache".formatted(image)));
            new Uses(pulling.places().cacheDirectory().orElseThrow(), places.owners()).pin(entry, image);
            messages.info("Pinned %s: %s".formatted(image, entry.name()));
        }
    }

    private void unpin() throws IOException {
        Uses uses = cache().uses();
        for (String image : invocation.operands()) {
            List<Uses.Pin> gone = uses.unpin(image);
            if (gone.isEmpty()) {
                throw new HostException("%s is not pinned".formatted(image)).hint("cache pin lists what is");
            }
            gone.forEach(pin -> messages.info(
                    "Unpinned %s: %s".formatted(pin.image(), pin.entry().name())));
        }
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
            System.out.println(DRY_RUN);
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
