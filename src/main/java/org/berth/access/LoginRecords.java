package org.berth.access;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.yaml.YamlFile;

/**
 * Where the user is logged in: {@code Credentials} in Apptainer's {@code remote.yaml}, without any secret.
 *
 * @param document all of the file, so that Apptainer finds the rest as it was
 */
public record LoginRecords(Path file, Map<String, Object> document) {
    private static final int MAX_BYTES = 1 << 20;
    private static final String CREDENTIALS = "Credentials";

    public LoginRecords {
        document = new LinkedHashMap<>(document);
    }

    /** @param uri {@code docker://HOST} or {@code oras://HOST} */
    public record Login(String uri, boolean insecure) {}

    /** @throws HostException if the file is not what Apptainer writes */
    public static LoginRecords read(Host host, Path file) {
        byte[] bytes = host.read(file, MAX_BYTES).orElse(new byte[0]);
        Object document = YamlFile.load(file.toString(), new String(bytes, StandardCharsets.UTF_8))
                .orElse(List.of());
        Map<String, Object> fields = new LinkedHashMap<>();
        if (document instanceof Map<?, ?> map) {
            map.forEach((key, value) -> fields.put(String.valueOf(key), value));
        } else {
            fields.put("Active", "DefaultRemote");
            Map<String, Object> remote = new LinkedHashMap<>();
            remote.put("URI", "cloud.apptainer.org");
            remote.put("System", true);
            remote.put("Exclusive", false);
            fields.put("Remotes", Map.of("DefaultRemote", remote));
        }
        return new LoginRecords(file, fields);
    }

    /** In the order of the file. */
    public List<Login> logins() {
        List<Login> logins = new ArrayList<>();
        for (Map<?, ?> entry : entries()) {
            Object uri = entry.get("URI");
            if (uri instanceof String text && text.contains("://")) {
                logins.add(new Login(text, Boolean.TRUE.equals(entry.get("Insecure"))));
            }
        }
        return logins;
    }

    private List<Map<?, ?>> entries() {
        List<Map<?, ?>> entries = new ArrayList<>();
        if (document.get(CREDENTIALS) instanceof List<?> list) {
            list.forEach(item -> {
                if (item instanceof Map<?, ?> map) {
                    entries.add(map);
                }
            });
        }
        return entries;
    }

    /** This with a login at its end; an earlier one of that URI goes. */
    public LoginRecords with(Login login) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("URI", login.uri());
        entry.put("Insecure", login.insecure());
        List<Object> entries = new ArrayList<>(entries());
        entries.removeIf(item -> item instanceof Map<?, ?> map && login.uri().equals(map.get("URI")));
        entries.add(entry);
        return changed(entries);
    }

    /** This without the logins at a host, by whatever scheme. */
    public LoginRecords without(String host) {
        List<Object> entries = new ArrayList<>(entries());
        entries.removeIf(item -> item instanceof Map<?, ?> map
                && map.get("URI") instanceof String uri
                && List.of("docker://" + host, "oras://" + host).contains(uri));
        return changed(entries);
    }

    private LoginRecords changed(List<Object> entries) {
        Map<String, Object> fields = new LinkedHashMap<>(document);
        if (entries.isEmpty()) {
            fields.remove(CREDENTIALS);
        } else {
            fields.put(CREDENTIALS, entries);
        }
        return new LoginRecords(file, fields);
    }

    public void write() {
        PrivateFile.write(file, YamlFile.dump(document).getBytes(StandardCharsets.UTF_8));
    }
}
