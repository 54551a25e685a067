package org.berth.command;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.access.LoginRecords;
import org.berth.access.Logins;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.error.RegistryException;
import org.berth.error.UsageException;
import org.berth.gather.RegistryAccess;
import org.berth.host.Host;
import org.berth.registry.Credential;
import org.berth.registry.Credentials;
import org.berth.registry.RegistryClient;
import org.berth.registry.RegistrySettings.Transport;
import org.berth.terminal.Messages;
import org.berth.terminal.Prompt;

/** {@code registry login}, {@code registry logout} and {@code registry list}. */
final class RegistryCommand {
    private static final Pattern URI = Pattern.compile("(docker|oras)://([^/\\s]+)(?:/.*)?");

    private final Invocation invocation;
    private final Host host;
    private final Messages messages;

    RegistryCommand(Invocation invocation, Host host, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
    }

    int run() {
        switch (invocation.command().shortName()) {
            case "login" -> login(invocation.operands().getFirst());
            case "logout" -> logout(invocation.operands().getFirst());
            default -> list();
        }
        return ExitStatus.SUCCESS;
    }

    /** @param registry as image names call it: {@code docker.io} for all names of Docker Hub */
    private record Target(String scheme, String registry) {
        static Target parse(String uri) {
            Matcher matcher = URI.matcher(uri);
            if (!matcher.matches()) {
                throw new UsageException("'%s' is not the address of a registry".formatted(uri))
                        .hint("write docker://HOST or oras://HOST");
            }
            String host = matcher.group(2);
            boolean hub = List.of("index.docker.io", "registry-1.docker.io").contains(host);
            return new Target(matcher.group(1), hub ? "docker.io" : host);
        }

        String uri() {
            return scheme + "://" + registry;
        }
    }

    private void login(String uri) {
        try {
            login(Target.parse(uri));
        } catch (UsageException e) {
            UsageException failure = new UsageException("while login to %s: %s".formatted(uri, e.getMessage()), e);
            e.hint().ifPresent(failure::hint);
            throw failure;
        } catch (RegistryException e) {
            RegistryException failure =
                    new RegistryException("while login to %s: %s".formatted(uri, e.getMessage()), e);
            e.hint().ifPresent(failure::hint);
            throw failure;
        }
    }

    /** Nothing is kept that the registry has not accepted. */
    private void login(Target target) {
        String user = invocation.value("username").orElse("");
        if (user.isEmpty()) {
            throw new UsageException("Docker/OCI registry requires a username").hint("give it with --username");
        }
        String password = password();
        if (password.isEmpty()) {
            throw new UsageException("a password is required").hint("type it, or use --password-stdin");
        }
        Credentials credentials = Credentials.of(new Credential.Login(user, password, "registry login"));
        try (RegistryClient client = new RegistryAccess(invocation, host, new TerminalListener(messages))
                .client(invocation.flag("insecure") ? Transport.HTTP : Transport.HTTPS_OR_LOOPBACK, credentials)) {
            if (client.login(target.registry()) == RegistryClient.Login.NOT_ASKED) {
                messages.warning(
                        "registry %s asks for no login: the password was not checked".formatted(target.registry()));
            }
        }
        String place =
                new Logins(host, RegistryAccess.places(invocation, host)).keep(target.registry(), user, password);
        messages.info("Token stored in " + place);
        if (!invocation.given("authfile")) {
            Path file = records();
            LoginRecords.read(host, file)
                    .with(new LoginRecords.Login(target.uri(), invocation.flag("insecure")))
                    .write();
            messages.info("Token stored in " + file);
        }
    }

    private String password() {
        if (invocation.flag("password-stdin")) {
            return Prompt.standardInput();
        }
        return invocation
                .value("password")
                .filter(text -> !text.isEmpty())
                .orElseGet(() -> Prompt.ask("Password / Token: ", Prompt.Echo.HIDDEN));
    }

    private void logout(String uri) {
        Target target = Target.parse(uri);
        Logins logins = new Logins(host, RegistryAccess.places(invocation, host));
        List<String> removed = logins.forget(target.registry());
        removed.forEach(place -> messages.info("Token removed from " + place));
        boolean recorded = false;
        if (!invocation.given("authfile")) {
            LoginRecords records = LoginRecords.read(host, records());
            LoginRecords others = records.without(target.registry());
            recorded = !others.logins().equals(records.logins());
            if (recorded) {
                others.write();
            }
        }
        if (removed.isEmpty() && !recorded) {
            messages.warning("There is no existing login to registry \"%s\".".formatted(target.registry()));
        }
        for (Path file : logins.elsewhere(target.registry())) {
            messages.warning(
                    "%s still has a login to %s, which podman logout removes".formatted(file, target.registry()));
        }
        messages.info("Logout succeeded");
    }

    private void list() {
        List<LoginRecords.Login> logins = LoginRecords.read(host, records()).logins();
        int width =
                logins.stream().mapToInt(login -> login.uri().length()).max().orElse(0);
        String format = "%-" + Math.max(3, width) + "s  %s";
        System.out.println();
        System.out.println(format.formatted("URI", "SECURE?"));
        for (LoginRecords.Login login : logins) {
            System.out.println(format.formatted(login.uri(), login.insecure() ? "✗!" : "✓"));
        }
    }

    private Path records() {
        return invocation
                .value("config")
                .map(host::path)
                .orElseGet(() -> RegistryAccess.configurationDirectory(host).resolve("remote.yaml"));
    }
}
