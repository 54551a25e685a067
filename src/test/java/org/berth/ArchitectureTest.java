package org.berth;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The package table of docs/architecture.md, section "Java packages", held against the compiled classes. */
class ArchitectureTest {
    /** What a package may import of ours, besides itself, {@code error} and {@code files}; {@code command} may import everything. */
    private static final Map<String, Set<String>> MAY_IMPORT = Map.ofEntries(
            Map.entry(
                    "gather",
                    Set.of(
                            "access",
                            "archive",
                            "cache",
                            "cli",
                            "config",
                            "convert",
                            "devices",
                            "host",
                            "image",
                            "instance",
                            "launch",
                            "oci",
                            "place",
                            "policy",
                            "registry",
                            "resolve",
                            "sif",
                            "sign",
                            "squashfs")),
            Map.entry("terminal", Set.of("cli", "host", "launch", "libc", "oci", "resolve", "json")),
            Map.entry("cli", Set.of("host", "launch")),
            Map.entry(
                    "build",
                    Set.of("def", "launch", "resolve", "launcher", "convert", "sif", "image", "oci", "host", "config")),
            Map.entry("launcher", Set.of("launch", "host")),
            Map.entry("launch", Set.of("image", "oci", "host", "config", "bindset", "devices")),
            Map.entry("bindset", Set.of("elf", "host", "config")),
            Map.entry("devices", Set.of("elf", "host", "config")),
            Map.entry("def", Set.of("image", "oci")),
            Map.entry(
                    "resolve",
                    Set.of(
                            "registry",
                            "cache",
                            "convert",
                            "sif",
                            "squashfs",
                            "instance",
                            "image",
                            "oci",
                            "archive",
                            "host",
                            "config")),
            Map.entry("convert", Set.of("squashfs", "archive", "oci")),
            Map.entry("registry", Set.of("oci", "json")),
            Map.entry("access", Set.of("registry", "oci", "host", "toml", "yaml", "json")),
            Map.entry("cache", Set.of("oci", "host", "process")),
            Map.entry("json", Set.of()),
            Map.entry("process", Set.of()),
            Map.entry("files", Set.of("process")),
            Map.entry("place", Set.of("host", "config")),
            Map.entry("archive", Set.of("oci", "json")),
            Map.entry("squashfs", Set.of("libc")),
            Map.entry("libc", Set.of()),
            Map.entry("sign", Set.of("sif", "json")),
            Map.entry("sif", Set.of()),
            Map.entry("elf", Set.of()),
            Map.entry("oci", Set.of("json")),
            Map.entry("image", Set.of()),
            Map.entry("host", Set.of("libc")),
            Map.entry("instance", Set.of("host", "json")),
            Map.entry("config", Set.of("host", "oci", "toml", "yaml")),
            Map.entry("policy", Set.of("resolve", "config", "host", "sif", "sign")),
            Map.entry("toml", Set.of()),
            Map.entry("yaml", Set.of()),
            Map.entry("error", Set.of()));

    private static final JavaClasses BERTH = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("org.berth");

    /** Classes whose use looks at the machine or changes it. */
    private static final DescribedPredicate<JavaClass> FILES = DescribedPredicate.describe(
            "file access",
            c -> Set.of(
                            "java.nio.file.Files",
                            "java.io.File",
                            "java.io.FileInputStream",
                            "java.io.FileOutputStream",
                            "java.io.FileReader",
                            "java.io.FileWriter",
                            "java.io.RandomAccessFile",
                            "java.nio.channels.FileChannel")
                    .contains(c.getName()));

    @TestFactory
    Stream<DynamicTest> packageImportsOnlyWhatTheTableAllows() {
        return MAY_IMPORT.keySet().stream()
                .sorted()
                .map(name -> DynamicTest.dynamicTest(
                        name,
                        () -> classes()
                                .that(resideInAPackage(in(name)))
                                .should()
                                .onlyDependOnClassesThat(
                                        not(resideInAPackage("org.berth..")).or(resideInAnyPackage(visibleFrom(name))))
                                .allowEmptyShould(true)
                                .check(BERTH)));
    }

    @Test
    void everyPackageIsInTheTable() {
        Set<String> unknown = BERTH.stream()
                .map(JavaClass::getPackageName)
                .filter(name -> name.startsWith("org.berth."))
                .map(name -> name.substring("org.berth.".length()).replaceFirst("\\..*", ""))
                .filter(name -> !name.equals("command") && !MAY_IMPORT.containsKey(name))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of(), unknown, "packages that the table of docs/architecture.md lacks");
    }

    @Test
    void packagesAreFreeOfCycles() {
        slices().matching("org.berth.(*)..")
                .should()
                .beFreeOfCycles()
                .allowEmptyShould(true)
                .check(BERTH);
    }

    @Test
    void decisionsNeverLookAtTheWorld() {
        noClasses()
                .that(resideInAnyPackage(in("launch"), in("def")))
                .should()
                .dependOnClassesThat(FILES.or(resideInAPackage("java.net.http.."))
                        .or(named(
                                "java.lang.ProcessBuilder",
                                "java.lang.Runtime",
                                "java.lang.ProcessHandle",
                                "java.nio.file.FileSystems",
                                "java.util.Random",
                                "java.net.InetAddress")))
                .orShould()
                .accessTargetWhere(call("java.lang.System", "getenv", "getProperty", "currentTimeMillis", "nanoTime"))
                .orShould()
                .accessTargetWhere(call("java.time.Instant", "now").or(call("java.time.Clock", "systemUTC")))
                .orShould()
                .accessTargetWhere(call("java.nio.file.Path", "toRealPath", "toFile"))
                .allowEmptyShould(true)
                .check(BERTH);
    }

    @Test
    void planningIsGivenValuesAndNoFunctionThatMightLook() {
        noFields()
                .that()
                .areDeclaredInClassesThat()
                .resideInAPackage(in("launch"))
                .should()
                .haveRawType(DescribedPredicate.describe(
                        "a function", type -> type.getPackageName().equals("java.util.function")))
                .check(BERTH);
    }

    @Test
    void thereIsOneDoorToTheMachine() {
        noClasses()
                .that(resideInAnyPackage(
                        in("launcher"),
                        in("launch"),
                        in("image"),
                        in("config"),
                        in("resolve"),
                        in("devices"),
                        in("policy"),
                        in("elf")))
                .should()
                .dependOnClassesThat(FILES)
                .orShould()
                .accessTargetWhere(call("java.nio.file.Path", "toRealPath", "toFile"))
                .allowEmptyShould(true)
                .because("a remembered plan is right only if every look at the world was recorded by host")
                .check(BERTH);
    }

    @Test
    void thereIsOneDoorToTheCLibrary() {
        noClasses()
                .that(not(resideInAPackage(in("libc"))))
                .should()
                .dependOnClassesThat(resideInAPackage("com.sun.jna.."))
                .check(BERTH);
        noClasses()
                .that(not(named("org.berth.squashfs.Libdeflate")))
                .should()
                .dependOnClassesThat(named("java.lang.foreign.Linker"))
                .check(BERTH);
    }

    @Test
    void onlyTheDoorReadsTheEnvironment() {
        noClasses()
                .that(not(resideInAPackage(in("host"))))
                .should()
                .accessTargetWhere(call("java.lang.System", "getenv"))
                .allowEmptyShould(true)
                .check(BERTH);
    }

    @Test
    void theFrameIsKnownOnlyToCliAndTheProgram() {
        noClasses()
                .that(not(resideInAPackage(in("cli"))))
                .should()
                .dependOnClassesThat(resideInAnyPackage("picocli..", "jakarta..", "io.smallrye.."))
                .check(BERTH);
        noClasses()
                .that(not(resideInAnyPackage(in("cli"), in("command"))))
                .should()
                .dependOnClassesThat(resideInAPackage("io.quarkus.."))
                .check(BERTH);
    }

    @Test
    void onlyWhatThePersonSeesIsPrintedAndOnlyACommandEndsTheProcess() {
        noClasses()
                .that(not(resideInAnyPackage(in("command"), in("terminal"), in("cli"))))
                .should()
                .accessTargetWhere(call("java.lang.System", "out", "err"))
                .check(BERTH);
        noClasses()
                .that(not(resideInAPackage(in("command"))))
                .should()
                .accessTargetWhere(call("java.lang.System", "exit").or(call("java.lang.Runtime", "exit", "halt")))
                .check(BERTH);
    }

    /** The picture on the first page of docs/architecture.md: all rooms, and no arrow that runs up or along a floor. */
    @Test
    void thePictureShowsAllRoomsAndArrowsRunDown() throws IOException {
        Map<String, Integer> floors = floors();
        Set<String> rooms = BERTH.stream()
                .map(ArchitectureTest::room)
                .filter(r -> !r.isEmpty())
                .collect(Collectors.toSet());
        assertEquals(new TreeSet<>(rooms), new TreeSet<>(floors.keySet()));
        Set<String> up = new TreeSet<>();
        for (JavaClass from : BERTH) {
            from.getDirectDependenciesFromSelf().stream()
                    .map(dependency -> room(dependency.getTargetClass()))
                    .filter(to -> !to.isEmpty() && !to.equals(room(from)))
                    .filter(to -> floors.getOrDefault(to, 0) <= floors.getOrDefault(room(from), 0))
                    .forEach(to -> up.add(room(from) + " uses " + to));
        }
        assertEquals(Set.of(), up);
    }

    @Test
    void filesOfMoreThan450LinesAreListedWithTheReason() throws IOException {
        String page = Files.readString(Path.of("docs/architecture.md"));
        String table = page.substring(page.indexOf("### Long files"), page.indexOf("## 7. Java packages"));
        Set<String> listed = Pattern.compile("\\| `([^`]+)` \\| .+ \\|")
                .matcher(table)
                .results()
                .map(row -> row.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> there = new TreeSet<>();
        for (String folder : List.of("src/main", "src/dev", "slurm-plugin")) {
            try (Stream<Path> files = Files.walk(Path.of(folder))) {
                for (Path file : files.filter(path -> path.toString().matches(".*\\.(java|c|h|bash)"))
                        .toList()) {
                    if (Files.readAllLines(file).size() > 450) {
                        there.add(file.toString());
                    }
                }
            }
        }
        assertEquals(there, listed);
    }

    private static Map<String, Integer> floors() throws IOException {
        Map<String, Integer> floors = new TreeMap<>();
        String page = Files.readString(Path.of("docs/architecture.md"));
        List<String> lines = page.substring(page.indexOf("```rooms\n") + 9)
                .lines()
                .takeWhile(line -> !line.equals("```"))
                .toList();
        for (int floor = 0; floor < lines.size(); floor++) {
            Matcher names = Pattern.compile(" ([a-z]+(?: · [a-z]+)*)   .*").matcher(lines.get(floor));
            if (names.matches() && !names.group(1).startsWith("src")) {
                for (String name : names.group(1).split(" · ")) {
                    floors.put(name, floor);
                }
            }
        }
        return floors;
    }

    private static String room(JavaClass type) {
        String name = type.getPackageName();
        return name.startsWith("org.berth.") ? name.substring("org.berth.".length()) : "";
    }

    private static String in(String name) {
        return "org.berth." + name + "..";
    }

    private static String[] visibleFrom(String name) {
        return Stream.concat(Stream.of(name, "error", "files"), MAY_IMPORT.get(name).stream())
                .map(ArchitectureTest::in)
                .toArray(String[]::new);
    }

    private static DescribedPredicate<JavaClass> named(String... names) {
        return DescribedPredicate.describe(
                String.join(", ", names), c -> Set.of(names).contains(c.getName()));
    }

    /** An access to one of these methods or fields of the class. */
    private static DescribedPredicate<JavaAccess<?>> call(String type, String... members) {
        return DescribedPredicate.describe(
                "%s.%s".formatted(type, String.join("|", members)),
                access -> access.getTargetOwner().getName().equals(type)
                        && Set.of(members).contains(access.getTarget().getName()));
    }
}
