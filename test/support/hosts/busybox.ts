import type { Host } from './host.ts';

/** An image that every host with containerd can be given, without a registry. */
export const busyboxImage = 'pilothouse.test/busybox:1';

/**
 * Makes the image on the host from Debian's static busybox, imports it, and has containerd take it
 * for its sandboxes, too: by itself it sleeps.
 */
export async function importBusybox(host: Host): Promise<void> {
  await host.run(`set -e
mkdir -p /root/busybox/root && cd /root/busybox
apt-get -qq update >/dev/null && apt-get -qq download busybox-static
dpkg-deb -x busybox-static*.deb unpacked
cd root && mkdir -p bin tmp etc root && cp ../unpacked/bin/busybox bin/
for applet in $(bin/busybox --list | grep -v '^busybox$'); do ln -sf busybox bin/$applet; done
cd .. && tar -C root -cf layer.tar .
digest=$(sha256sum layer.tar | cut -d' ' -f1)
cat >config.json <<END
{"architecture":"amd64","os":"linux","config":{"Cmd":["sleep","1000000"],"Env":["PATH=/bin"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$digest"]}}
END
echo '[{"Config":"config.json","RepoTags":["${busyboxImage}"],"Layers":["layer.tar"]}]' >manifest.json
tar -cf image.tar manifest.json config.json layer.tar
ctr -n k8s.io images import image.tar >/dev/null`);
}
