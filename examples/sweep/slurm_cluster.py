"""A sweep whose workers are SLURM jobs: ``python slurm_cluster.py sweep.toml --jobs 8``.

``--dry-run`` prints the job script and submits nothing.  A job whose walltime is over is followed
by another, which goes on with the record that was in work.  Needs ``pip install dask-jobqueue``;
PBSCluster, LSFCluster and others of that package take the same arguments.
"""

import argparse
import subprocess
import sys

from dask_jobqueue import SLURMCluster


def main():
    """Start a cluster, and the sweep on its workers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    cluster = SLURMCluster(
        cores=1,
        processes=1,
        memory="8GB",
        walltime="02:00:00",
        job_extra_directives=["--gres=gpu:1"],
        # A worker leaves before SLURM ends it, not all at one time.
        worker_extra_args=["--lifetime", "110m", "--lifetime-stagger", "8m"],
    )
    with cluster:
        if asked.dry_run:
            print(cluster.job_script())
            return 0
        cluster.adapt(maximum_jobs=asked.jobs)
        words = ["sweep", asked.file, f"--scheduler={cluster.scheduler_address}"]
        return subprocess.run([sys.executable, "-m", "physcheck", *words]).returncode


if __name__ == "__main__":
    sys.exit(main())
