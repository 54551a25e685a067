package org.berth.config;

import java.util.Optional;
import java.util.stream.Stream;

/** Every setting: in berth.yaml with dashes ({@code bind-path}), in apptainer.conf with blanks ({@code bind path = …}). */
public enum Setting {
    BIND_PATH("bind path", Form.LIST),
    MOUNT_PROC("mount proc"),
    MOUNT_SYS("mount sys"),
    MOUNT_DEV("mount dev"),
    MOUNT_DEVPTS("mount devpts"),
    MOUNT_HOME("mount home"),
    MOUNT_TMP("mount tmp"),
    MOUNT_HOSTFS("mount hostfs"),
    CONFIG_PASSWD("config passwd"),
    CONFIG_GROUP("config group"),
    CONFIG_RESOLV_CONF("config resolv_conf"),
    USER_BIND_CONTROL("user bind control"),
    SESSIONDIR_MAX_SIZE("sessiondir max size"),
    ALLOW_PID_NS("allow pid ns"),
    ALLOW_IPC_NS("allow ipc ns"),
    ALLOW_UTS_NS("allow uts ns"),
    ALLOW_USER_NS("allow user ns"),
    ENABLE_OVERLAY("enable overlay"),
    ENABLE_UNDERLAY("enable underlay"),
    TMPFS_MAX_SIZE("tmpfs max size"),
    SQUASHFUSE_PATH("squashfuse path"),
    COMPRESSION("compression"),
    CONTAINER_PATH("container path"),
    CACHE_PATH("cache path", Form.LIST),
    TMP_PATH("tmp path", Form.LIST),
    CACHE_MAX_BYTES("cache max bytes"),
    CACHE_MAX_FILES("cache max files"),
    STAGE("stage"),
    STAGE_PATH("stage path", Form.LIST),
    STAGE_NODES("stage nodes"),
    STAGE_SIZE("stage size"),
    GPU("gpu"),
    GPU_ORDER("gpu order"),
    DRIVER_ROOT("driver root"),
    ALWAYS_USE_NV("always use nv"),
    ALWAYS_USE_ROCM("always use rocm"),
    TRUSTED_OWNERS("trusted owners", Form.LIST),
    TRUSTED_GROUPS("trusted groups", Form.LIST),
    IMAGE_MAX_ENTRIES("image max entries"),
    IMAGE_MAX_SIZE("image max size"),
    IMAGE_MAX_DEPTH("image max depth"),
    IMAGE_MAX_PATH("image max path"),
    IMAGE_MAX_HEADER("image max header"),
    IMAGE_MAX_XATTRS("image max xattrs"),
    IMAGE_MAX_RATIO("image max ratio"),
    IMAGE_RATIO_ABOVE("image ratio above"),
    ALLOW_CONTAINER_SIF("allow container sif"),
    ALLOW_CONTAINER_ENCRYPTED("allow container encrypted"),
    ALLOW_CONTAINER_SQUASHFS("allow container squashfs"),
    ALLOW_CONTAINER_EXTFS("allow container extfs"),
    ALLOW_CONTAINER_DIR("allow container dir"),
    LIMIT_CONTAINER_OWNERS("limit container owners", Form.LIST),
    LIMIT_CONTAINER_GROUPS("limit container groups", Form.LIST),
    LIMIT_CONTAINER_PATHS("limit container paths", Form.LIST),
    EXECUTION_CONTROL("execution control", Form.GROUPS),
    REGISTRY_FALLBACK("registry fallback"),
    LIBRARY("library");

    /** What a setting's value looks like. */
    enum Form {
        ONE,
        /** One or more texts. */
        LIST,
        /** A text, or tables. */
        GROUPS
    }

    private final String directive;
    private final Form form;

    Setting(String directive) {
        this(directive, Form.ONE);
    }

    Setting(String directive, Form form) {
        this.directive = directive;
        this.form = form;
    }

    /** As apptainer.conf spells it. */
    public String directive() {
        return directive;
    }

    /** As berth.yaml spells it. */
    public String key() {
        return directive.replace(' ', '-');
    }

    Form form() {
        return form;
    }

    static Optional<Setting> of(String name) {
        String blanks = name.replace('-', ' ');
        return Stream.of(values()).filter(s -> s.directive.equals(blanks)).findFirst();
    }
}
