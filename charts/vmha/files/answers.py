import os
import sys
import time
import urllib.request

url = os.environ["VMHA_URL"]
version = os.environ["VMHA_VERSION"]
end = time.monotonic() + float(os.environ["VMHA_WAIT_SECONDS"])


def ask(path):
    return urllib.request.urlopen(url + path, timeout=5).read().decode()


while True:
    try:
        ask("/readyz")
        metrics = ask("/metrics")
        if 'vmha_build_info{version="%s"} 1' % version not in metrics:
            sys.exit("another version than %s answers" % version)
        if 'leader_election_master_status{name="vmha-controller"} 1' in metrics:
            break  # the Service asks another pod each time: one of them has to lead
        problem = "no process that answered leads"
    except OSError as error:
        problem = str(error)
    if time.monotonic() > end:
        sys.exit("%s: %s" % (url, problem))
    time.sleep(1)
print("vmha %s answers and leads" % version)
