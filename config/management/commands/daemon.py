from config.management.commands.cluster import Command as ClusterCommand


class Command(ClusterCommand):
    help = "Everything but the web on this host: queue workers, schedules and the keeper. The same as cluster."
