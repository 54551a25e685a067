package org.berth.place;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MountTableTest {
    /** A node of a cluster: local root, memory, scratch, home by NFS, a directory of the disk shown elsewhere. */
    private static final String NODE = """
            22 27 0:21 / /proc rw,relatime - proc proc rw
            27 1 254:0 / / rw,relatime shared:1 - xfs /dev/vda rw,attr2,inode64
            30 27 0:27 / /dev/shm rw,relatime shared:4 master:2 - tmpfs tmpfs rw,size=24684092k
            40 27 0:50 / /lustre/scratch rw,flock - lustre 10.0.0.1@o2ib:/fs1 rw,flock,lazystatfs
            41 27 0:51 / /home rw,relatime - nfs4 server:/export/home rw,vers=4.2,addr=10.0.0.2
            42 27 0:52 / /gpfs rw - gpfs gpfs1 rw
            43 27 0:53 / /beegfs rw - beegfs beegfs_nodev rw,cfgFile=/etc/beegfs/beegfs-client.conf
            44 27 0:54 / /ceph rw - ceph 10.0.0.3:/ rw,name=hpc
            45 27 0:55 / /sshfs rw,nosuid - fuse.sshfs me@host: rw,user_id=1000
            46 27 254:0 /data /srv/with\\040blank rw - xfs /dev/vda rw
            47 27 0:56 / /strange rw - nosuchfs none rw
            48 41 0:57 / /home/fast rw - ext4 /dev/nvme0n1 rw
            49 27 0:58 / /both rw - ext4 /dev/sda1 rw
            50 49 0:59 / /both rw - tmpfs tmpfs rw
            51 27 0:60 / /merged rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/lustre/scratch/up,workdir=/w
            """;

    @ParameterizedTest
    @CsvSource({
        "/var/tmp,                xfs,        LOCAL",
        "/,                       xfs,        LOCAL",
        "/dev/shm/x,              tmpfs,      MEMORY",
        "/lustre/scratch/me,      lustre,     PARALLEL",
        "/lustre/scratchy,        xfs,        LOCAL",
        "/home/me,                nfs4,       NETWORK",
        "/home/fast/me,           ext4,       LOCAL",
        "/gpfs/x,                 gpfs,       PARALLEL",
        "/beegfs/x,               beegfs,     PARALLEL",
        "/ceph/x,                 ceph,       PARALLEL",
        "/sshfs/x,                fuse.sshfs, NETWORK",
        "/srv/with blank/x,       xfs,        LOCAL",
        "/strange/x,              nosuchfs,   NETWORK",
        "/both/x,                 tmpfs,      MEMORY",
        "/merged/x,               overlay,    PARALLEL",
    })
    void aPathIsWhereItsNearestMountIs(String path, String type, Nature nature) {
        assertEquals(new FileSystemKind(type, nature), MountTable.parse(NODE).kindOf(Path.of(path)));
    }

    @Test
    void theRootOfAContainerIsTakenForADisk() {
        String inside = "1 0 0:40 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/x/diff,workdir=/w\n";
        assertEquals(
                new FileSystemKind("overlay", Nature.LOCAL),
                MountTable.parse(inside).kindOf(Path.of("/tmp")));
    }

    @Test
    void whatIsNotUnderstoodIsPassedOver() {
        assertEquals(
                new FileSystemKind("unknown", Nature.NETWORK),
                MountTable.parse("nonsense\n\n1 2 3 - \n1 2 3 / relative rw - ext4 x rw\n")
                        .kindOf(Path.of("/tmp")));
    }
}
